/* Just enough JSON to read the tool's requests: a tree of values in one arena. Input comes from the tool alone, and is bounded by the frame. */
#ifndef DSREF_HOST_JSON_H
#define DSREF_HOST_JSON_H

#include <stddef.h>
#include <stdint.h>

typedef enum { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT } json_kind;

typedef struct json_value {
  json_kind kind;
  int is_whole; /* a number without fraction or exponent */
  double number;
  int64_t whole;
  const char* text;          /* JSON_STRING */
  const char* name;          /* the member's name, in an object */
  struct json_value* first;  /* JSON_ARRAY, JSON_OBJECT */
  struct json_value* next;
  int count;
} json_value;

/* Parses text in place (it is changed, and strings point into it). NULL where it is no JSON. */
json_value* json_parse(char* text, size_t length);
void json_free(json_value* root);
const json_value* json_member(const json_value* object, const char* name);
/* Members, or nothing of the kind: 0, NULL. */
int64_t json_whole(const json_value* object, const char* name);
const char* json_text(const json_value* object, const char* name);

#endif
