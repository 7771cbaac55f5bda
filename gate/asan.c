/* Part of the sanitized build only: the leak checker needs to trace, which a process that cannot be traced does not allow. */
const char *__asan_default_options(void);

const char *__asan_default_options(void) {
  return "detect_leaks=0";
}
