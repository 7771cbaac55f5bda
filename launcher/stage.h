/* The last step inside the sandbox: becoming the command. */
#ifndef STAGE_H
#define STAGE_H

/* True when the program was started as the stage rather than as the launcher. */
int stage_is(const char *name);
/* argv: name [--reap] STATUSFD COMMAND [ARG...]; never returns. */
_Noreturn void stage_main(int argc, char **argv);

#endif
