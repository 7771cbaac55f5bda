import { writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/** Skips that begin so are the host's fault and allowed in CI too: `context.skip('host: no cgroup v2')`. */
const ALLOWED = 'host: ';

/**
 * Writes `passed failed skipped` to the file COUNT_FILE names, for scripts/test to add up. Where CI is true, a skip
 * whose reason does not say that the host is at fault counts as failed.
 */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const counts = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      for (const test of tests) {
        const result = test.result();
        const note = result.state === 'skipped' ? (result.note ?? 'no reason given') : '';
        if (result.state === 'skipped') console.log(`skipped: ${test.fullName}: ${note}`);
        if (result.state === 'skipped' && process.env['CI'] === 'true' && !note.startsWith(ALLOWED)) {
          console.log(`  is a failure in CI: a reason begins with "${ALLOWED}"`);
          counts.failed += 1;
        } else if (result.state === 'passed' || result.state === 'skipped') counts[result.state] += 1;
        else counts.failed += 1;
      }
      // A file that cannot be loaded, or whose hooks fail, has no failed test of its own.
      if (module.state() === 'failed' && !tests.some((test) => test.result().state === 'failed')) counts.failed += 1;
    }
    const file = process.env['COUNT_FILE'];
    if (file !== undefined) writeFileSync(file, `${counts.passed} ${counts.failed} ${counts.skipped}\n`);
  }
}
