import { runCommand } from '../../src/process/command.ts';

const sizes = { ext4: '128M', btrfs: '256M', xfs: '320M' } as const;

/** A file system for a test: in memory, or made in the file `image`, which then takes up only what is written. */
export async function mountScratch(type: 'tmpfs' | keyof typeof sizes, image: string, target: string): Promise<void> {
  if (type === 'tmpfs') {
    await tool('/bin/mount', '-t', 'tmpfs', 'tmpfs', target);
    return;
  }
  await tool('/usr/bin/truncate', '-s', sizes[type], image);
  await tool(`/sbin/mkfs.${type}`, '-q', image);
  await tool('/bin/mount', '-t', type, '-o', 'loop', image, target);
}

/** Runs a program, which must succeed. */
export async function tool(file: string, ...args: string[]): Promise<void> {
  const { exitCode, stderr } = await runCommand({ file, args, timeoutMs: 30_000 });
  if (exitCode !== 0) throw new Error(`${file} ${args.join(' ')}: ${stderr}`);
}
