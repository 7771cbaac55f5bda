/**
 * How often each side of a connection sends something when it has nothing to send. The sender's ssh asks, and gives up where no answer
 * comes. The receiver's sshd may never ask (ClientAliveInterval), so isolate writes an empty line there: the kernel ends a connection on
 * which nothing is acknowledged, and the receiver sees the end of its input.
 */
export const keepAliveSeconds = 15;
