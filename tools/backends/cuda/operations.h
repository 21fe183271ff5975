#pragma once
#include "deepseek_backend.h"
#include "driver.h"

// What a kernel is launched with, made from a call; its tensors have no data while it is prepared.
struct Operation {
  const char *name;
  const char *(*refuses)(const dsref_call *call);
  Launch (*launch)(const dsref_call *call, void *arguments);
};

static const size_t MostArgumentBytes = 256;

const Operation *operationOf(const char *name);
