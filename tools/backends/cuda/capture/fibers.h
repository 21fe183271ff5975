// The threads of a block, one after the other on one thread of the host: each runs until it waits for the others.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <ucontext.h>
#include <vector>

namespace emulated {

class Fibers {
 public:
  explicit Fibers(int count) : contexts(count), stacks(count) {}

  // Runs body(0), body(1), ... together.
  void run(const std::function<void(unsigned)> &what) {
    body = &what;
    self = this;
    for (size_t i = 0; i < contexts.size(); i++) {
      stacks[i].resize(StackBytes);
      getcontext(&contexts[i]);
      contexts[i].uc_stack.ss_sp = stacks[i].data();
      contexts[i].uc_stack.ss_size = StackBytes;
      contexts[i].uc_link = nullptr;
      makecontext(&contexts[i], enter, 0);
    }
    now = 0;
    swapcontext(&caller, &contexts[0]);
  }

  // All come here before any goes on: whoever arrives lets the next one run, and the last the first. All must arrive equally often.
  void arrive_and_wait() {
    size_t own = now;
    now = (own + 1) % contexts.size();
    swapcontext(&contexts[own], &contexts[now]);
  }

  unsigned index() const { return unsigned(now); }

 private:
  static const size_t StackBytes = 128 << 10;
  std::vector<ucontext_t> contexts;
  std::vector<std::vector<char>> stacks;
  ucontext_t caller;
  size_t now = 0;
  const std::function<void(unsigned)> *body = nullptr;
  static inline Fibers *self = nullptr;

  // The last to end goes back to the caller; the others let the next one end.
  static void enter() {
    Fibers &own = *self;
    (*own.body)(unsigned(own.now));
    if (own.now + 1 == own.contexts.size()) setcontext(&own.caller);
    own.now++;
    setcontext(&own.contexts[own.now]);
  }
};

}  // namespace emulated
