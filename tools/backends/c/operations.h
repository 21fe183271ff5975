#ifndef SAMPLE_OPERATIONS_H
#define SAMPLE_OPERATIONS_H

#include "deepseek_backend.h"

typedef struct operation {
  const char* name;
  dsref_status (*run)(const dsref_call* call);
  const char* (*refuses)(const dsref_call* call); /* NULL, or why this case is not offered */
} operation;

const operation* operation_of(const char* name);

#endif
