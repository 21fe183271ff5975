#include "call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int dtype(const char* name, DLDataType* out) {
  static const struct { const char* name; uint8_t code, bits; } known[] = {
    {"F64", DSREF_DTYPE_FLOAT, 64}, {"F32", DSREF_DTYPE_FLOAT, 32}, {"F16", DSREF_DTYPE_FLOAT, 16}, {"BF16", DSREF_DTYPE_BFLOAT, 16},
    {"F8_E4M3", DSREF_DTYPE_FLOAT8_E4M3FN, 8}, {"F8_E5M2", DSREF_DTYPE_FLOAT8_E5M2, 8}, {"F8_E8M0", DSREF_DTYPE_FLOAT8_E8M0FNU, 8},
    {"I64", DSREF_DTYPE_INT, 64}, {"I32", DSREF_DTYPE_INT, 32}, {"I16", DSREF_DTYPE_INT, 16}, {"I8", DSREF_DTYPE_INT, 8},
    {"U64", DSREF_DTYPE_UINT, 64}, {"U32", DSREF_DTYPE_UINT, 32}, {"U16", DSREF_DTYPE_UINT, 16}, {"U8", DSREF_DTYPE_UINT, 8}, {"BOOL", DSREF_DTYPE_UINT, 8},
  };
  for (size_t i = 0; name != NULL && i < sizeof known / sizeof known[0]; i++) {
    if (strcmp(known[i].name, name) != 0) continue;
    *out = (DLDataType){known[i].code, known[i].bits, 1};
    return 1;
  }
  return 0;
}

/* What memory holds: "stored" where a layout says so, else the tensor itself. */
static const json_value* stored(const json_value* tensor) {
  const json_value* form = json_member(tensor, "stored");
  return form == NULL || form->kind != JSON_OBJECT ? tensor : form;
}

static int argument(const json_value* t, dsref_argument* a, int64_t** dimensions, uint64_t* bytes, const char** why) {
  const char* role = json_text(t, "role");
  const json_value* form = stored(t);
  const json_value *shape = json_member(form, "shape"), *strides = json_member(form, "strides");
  a->struct_size = sizeof *a;
  a->name = json_text(t, "name");
  a->layout = json_text(t, "layout");
  if (a->name == NULL || role == NULL || shape == NULL || shape->kind != JSON_ARRAY) {
    *why = "a tensor without name, role or shape";
    return 0;
  }
  if (!dtype(json_text(form, "dtype"), &a->tensor.dtype)) {
    *why = "a tensor of a dtype that DLPack has no code for";
    return 0;
  }
  a->role = strcmp(role, "out") == 0 ? DSREF_OUT : DSREF_IN;
  a->tensor.ndim = shape->count;
  a->tensor.shape = *dimensions;
  a->tensor.strides = *dimensions + shape->count;
  *dimensions += 2 * shape->count;
  int i = 0;
  for (const json_value* d = shape->first; d != NULL; d = d->next) a->tensor.shape[i++] = d->whole;
  int64_t stride = 1;
  for (i = shape->count - 1; i >= 0; i--) {
    a->tensor.strides[i] = stride;
    stride *= a->tensor.shape[i];
  }
  *bytes = (uint64_t)stride * a->tensor.dtype.bits / 8;
  if (form != t) {
    i = 0;
    for (const json_value* d = strides == NULL ? NULL : strides->first; d != NULL && i < shape->count; d = d->next) a->tensor.strides[i++] = d->whole;
    a->tensor.byte_offset = (uint64_t)json_whole(form, "byte_offset");
    *bytes = (uint64_t)json_whole(form, "bytes");
  }
  a->tensor.device = (DLDevice){1, 0};
  return 1;
}

/* An object's members carry its name. The list's numbers and a joined name belong to the attribute. */
static int attribute(const json_value* m, const char* prefix, dsref_attribute* a) {
  size_t length = strlen(m->name) + (prefix == NULL ? 0 : strlen(prefix) + 1) + 1;
  char* name = malloc(length);
  if (name == NULL) return 0;
  snprintf(name, length, "%s%s%s", prefix == NULL ? "" : prefix, prefix == NULL ? "" : ".", m->name);
  *a = (dsref_attribute){.struct_size = sizeof *a, .name = name};
  switch (m->kind) {
    case JSON_NUMBER:
      a->kind = m->is_whole ? DSREF_WHOLE : DSREF_REAL;
      a->whole = m->whole;
      a->real = m->number;
      return 1;
    case JSON_STRING:
      a->kind = DSREF_TEXT;
      a->text = m->text;
      return 1;
    case JSON_TRUE:
    case JSON_FALSE:
      a->kind = DSREF_FLAG;
      a->whole = m->kind == JSON_TRUE;
      return 1;
    case JSON_ARRAY: {
      int32_t* list = malloc(sizeof *list * (size_t)(m->count + 1));
      if (list == NULL) return 0;
      int i = 0;
      for (const json_value* v = m->first; v != NULL; v = v->next) list[i++] = (int32_t)v->whole;
      a->kind = DSREF_LIST;
      a->whole = m->count;
      a->list = list;
      return 1;
    }
    default:
      return 1;
  }
}

/* A list of whole numbers under "layout.NAME.KEY". */
static int parameter(const json_value* list, const char* tensor, const char* key, dsref_attribute* a) {
  char prefix[256];
  json_value named = *list;
  named.name = key;
  return snprintf(prefix, sizeof prefix, "layout.%s", tensor) < (int)sizeof prefix && attribute(&named, prefix, a);
}

/* What a layout says beside its strides: its parameters, and the shape of the tensor that the operation is defined on. */
static int parameters(const json_value* t, dsref_attribute* list, int32_t* count) {
  const json_value *named = json_member(t, "parameters"), *shape = json_member(t, "shape");
  const char* name = json_text(t, "name");
  if (stored(t) == t || name == NULL || shape == NULL) return 1;
  if (!parameter(shape, name, "shape", &list[(*count)++])) return 0;
  for (const json_value* m = named == NULL ? NULL : named->first; m != NULL; m = m->next)
    if (!parameter(m, name, m->name, &list[(*count)++])) return 0;
  return 1;
}

int host_call_make(const json_value* request, host_call* made, const char** why) {
  const json_value* tensors = json_member(request, "tensors");
  const json_value* attributes = json_member(request, "attributes");
  memset(made, 0, sizeof *made);
  made->call.struct_size = sizeof made->call;
  made->call.op = json_text(request, "op");
  if (made->call.op == NULL || tensors == NULL || attributes == NULL) {
    *why = "a call without op, tensors or attributes";
    return 0;
  }
  size_t dimensions = 0, members = 0;
  for (const json_value* t = tensors->first; t != NULL; t = t->next) {
    const json_value *shape = json_member(stored(t), "shape"), *named = json_member(t, "parameters");
    dimensions += shape == NULL ? 0 : 2 * (size_t)shape->count;
    members += 1 + (named == NULL ? 0 : (size_t)named->count);
  }
  for (const json_value* m = attributes->first; m != NULL; m = m->next) members += m->kind == JSON_OBJECT ? (size_t)m->count : 1;
  dsref_attribute* list = calloc(members + 1, sizeof *list);
  made->call.arguments = calloc((size_t)tensors->count + 1, sizeof *made->call.arguments);
  made->call.attributes = list;
  made->dimensions = calloc(dimensions + 1, sizeof *made->dimensions);
  made->bytes = calloc((size_t)tensors->count + 1, sizeof *made->bytes);
  *why = "out of memory";
  if (list == NULL || made->call.arguments == NULL || made->dimensions == NULL || made->bytes == NULL) return 0;
  int64_t* next = made->dimensions;
  for (const json_value* t = tensors->first; t != NULL; t = t->next) {
    int32_t i = made->call.argument_count++;
    if (!argument(t, &made->call.arguments[i], &next, &made->bytes[i], why) || !parameters(t, list, &made->call.attribute_count)) return 0;
  }
  for (const json_value* m = attributes->first; m != NULL; m = m->next) {
    if (m->kind != JSON_OBJECT) {
      if (!attribute(m, NULL, &list[made->call.attribute_count++])) return 0;
      continue;
    }
    for (const json_value* inner = m->first; inner != NULL; inner = inner->next)
      if (!attribute(inner, m->name, &list[made->call.attribute_count++])) return 0;
  }
  return 1;
}

void host_call_free(host_call* made) {
  for (int32_t i = 0; i < made->call.attribute_count; i++) {
    free((void*)made->call.attributes[i].name);
    free((void*)made->call.attributes[i].list);
  }
  free((void*)made->call.attributes);
  free(made->call.arguments);
  free(made->dimensions);
  free(made->bytes);
  memset(made, 0, sizeof *made);
}
