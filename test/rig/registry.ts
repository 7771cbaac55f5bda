import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A registry without TLS, on a port of this host. */
export interface TestRegistry {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  readonly end: () => void;
}

export interface RegistryRequest {
  /** `NAME:HASH`, whose bcrypt hash is that of the only account's password; absent: everybody may do everything. */
  readonly account?: string;
}

/** Starts a registry, and waits until it answers. */
export async function startRegistry({ account }: RegistryRequest = {}): Promise<TestRegistry> {
  const work = mkdtempSync(join(tmpdir(), 'registry-'));
  const accounts = join(work, 'accounts');
  writeFileSync(accounts, `${account ?? ''}\n`);
  for (;;) {
    const port = await freePort();
    const settings = {
      version: 0.1,
      storage: { filesystem: { rootdirectory: join(work, 'images') } },
      http: { addr: `127.0.0.1:${port}` },
      ...(account === undefined ? {} : { auth: { htpasswd: { realm: 'test', path: accounts } } }),
    };
    writeFileSync(join(work, 'registry.yml'), JSON.stringify(settings));
    const registry = spawn('docker-registry', ['serve', join(work, 'registry.yml')], { stdio: 'ignore' });
    // Another process may have taken the port since.
    const lives = await Promise.race([isReachable(port), once(registry, 'exit').then(() => false)]);
    if (lives) return { address: `127.0.0.1:${port}`, end: () => void registry.kill() };
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port: free } = server.address() as { port: number };
      server.close(() => resolve(free));
    });
  });
}

async function isReachable(port: number): Promise<true> {
  for (;;) {
    const connected = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (connected) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
