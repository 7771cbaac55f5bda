/* Part of the sanitized build only: the leak checker needs a thread of its own, which a process namespace that ended forbids. */
const char *__asan_default_options(void);

const char *__asan_default_options(void) {
  return "detect_leaks=0";
}
