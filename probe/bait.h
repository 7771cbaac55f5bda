/* What attacks look for, laid out and taken away again. */
#pragma once

/* `halves` is the token with a dot in it. Returns the command's status. */
int run_amid_bait(const char *halves, char **command);
