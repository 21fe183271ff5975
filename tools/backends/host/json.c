#include "json.h"

#include <stdlib.h>
#include <string.h>

typedef struct arena_block { struct arena_block* next; json_value values[256]; } arena_block;
typedef struct { json_value root; arena_block* blocks; } json_document;
typedef struct { char* at; char* end; json_document* document; int used; int depth; } parser;

static json_value* take(parser* p) {
  if (p->document->blocks == NULL || p->used == 256) {
    arena_block* block = calloc(1, sizeof *block);
    if (block == NULL) return NULL;
    block->next = p->document->blocks;
    p->document->blocks = block;
    p->used = 0;
  }
  return &p->document->blocks->values[p->used++];
}

static void blank(parser* p) {
  while (p->at < p->end && strchr(" \t\r\n", *p->at) != NULL) p->at++;
}

static int hex4(const char* s, unsigned* out) {
  *out = 0;
  for (int i = 0; i < 4; i++) {
    char c = s[i];
    unsigned d = c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10) : 16;
    if (d == 16) return 0;
    *out = *out * 16 + d;
  }
  return 1;
}

/* A string, shortened in place: escapes never grow. */
static char* string(parser* p) {
  if (p->at >= p->end || *p->at != '"') return NULL;
  char* start = ++p->at;
  char* to = start;
  while (p->at < p->end && *p->at != '"') {
    if (*p->at != '\\') {
      *to++ = *p->at++;
      continue;
    }
    if (p->end - p->at < 2) return NULL;
    char c = p->at[1];
    p->at += 2;
    const char* escapes = strchr("n\nt\tr\rb\bf\f", c);
    if (c == 'u') {
      unsigned u;
      if (p->end - p->at < 4 || !hex4(p->at, &u)) return NULL;
      p->at += 4;
      if (u < 0x80) {
        *to++ = (char)u;
      } else if (u < 0x800) {
        *to++ = (char)(0xC0 | u >> 6);
        *to++ = (char)(0x80 | (u & 63));
      } else {
        *to++ = (char)(0xE0 | u >> 12);
        *to++ = (char)(0x80 | (u >> 6 & 63));
        *to++ = (char)(0x80 | (u & 63));
      }
    } else {
      *to++ = c == 'n' || c == 't' || c == 'r' || c == 'b' || c == 'f' ? escapes[1] : c;
    }
  }
  if (p->at >= p->end) return NULL;
  p->at++;
  *to = '\0';
  return start;
}

static int value(parser* p, json_value* v);

static int members(parser* p, json_value* v, char close) {
  json_value* last = NULL;
  p->at++;
  blank(p);
  if (p->at < p->end && *p->at == close) {
    p->at++;
    return 1;
  }
  if (++p->depth > 64) return 0;
  for (;;) {
    json_value* member = take(p);
    if (member == NULL) return 0;
    blank(p);
    if (close == '}') {
      if ((member->name = string(p)) == NULL) return 0;
      blank(p);
      if (p->at >= p->end || *p->at++ != ':') return 0;
    }
    if (!value(p, member)) return 0;
    if (last == NULL) v->first = member; else last->next = member;
    last = member;
    v->count++;
    blank(p);
    if (p->at >= p->end) return 0;
    char c = *p->at++;
    if (c == close) break;
    if (c != ',') return 0;
  }
  p->depth--;
  return 1;
}

static int literal(parser* p, json_value* v, const char* word, json_kind kind) {
  size_t n = strlen(word);
  if ((size_t)(p->end - p->at) < n || memcmp(p->at, word, n) != 0) return 0;
  p->at += n;
  v->kind = kind;
  return 1;
}

static int value(parser* p, json_value* v) {
  blank(p);
  if (p->at >= p->end) return 0;
  switch (*p->at) {
    case '{': v->kind = JSON_OBJECT; return members(p, v, '}');
    case '[': v->kind = JSON_ARRAY; return members(p, v, ']');
    case '"': v->kind = JSON_STRING; return (v->text = string(p)) != NULL;
    case 't': return literal(p, v, "true", JSON_TRUE);
    case 'f': return literal(p, v, "false", JSON_FALSE);
    case 'n': return literal(p, v, "null", JSON_NULL);
    default: {
      char* end;
      v->kind = JSON_NUMBER;
      v->number = strtod(p->at, &end);
      if (end == p->at) return 0;
      v->is_whole = 1;
      for (char* c = p->at; c < end; c++)
        if (*c == '.' || *c == 'e' || *c == 'E') v->is_whole = 0;
      v->whole = v->is_whole ? strtoll(p->at, NULL, 10) : (int64_t)v->number;
      p->at = end;
      return 1;
    }
  }
}

json_value* json_parse(char* text, size_t length) {
  json_document* document = calloc(1, sizeof *document);
  if (document == NULL) return NULL;
  parser p = {text, text + length, document, 0, 0};
  int good = value(&p, &document->root);
  blank(&p);
  if (good && p.at == p.end) return &document->root;
  json_free(&document->root);
  return NULL;
}

void json_free(json_value* root) {
  json_document* document = (json_document*)root;
  for (arena_block* block = document->blocks; block != NULL;) {
    arena_block* next = block->next;
    free(block);
    block = next;
  }
  free(document);
}

const json_value* json_member(const json_value* object, const char* name) {
  if (object == NULL || object->kind != JSON_OBJECT) return NULL;
  for (const json_value* m = object->first; m != NULL; m = m->next)
    if (strcmp(m->name, name) == 0) return m;
  return NULL;
}

int64_t json_whole(const json_value* object, const char* name) {
  const json_value* m = json_member(object, name);
  return m != NULL && m->kind == JSON_NUMBER ? m->whole : 0;
}

const char* json_text(const json_value* object, const char* name) {
  const json_value* m = json_member(object, name);
  return m != NULL && m->kind == JSON_STRING ? m->text : NULL;
}
