import { writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/** What `.ci/run` repeats before its sum: a line for each failure, with the first line of its error. */
const tellFailure = (module: TestModule | undefined, what: string, errors: readonly { message: string }[]): void => {
  const message = errors[0]?.message.split('\n', 1)[0] ?? '';
  console.log(`FAILED  ${[module?.relativeModuleId, what].filter((part) => part !== undefined).join(': ')}: ${message}`);
};

/** Skips that begin so are the host's fault and allowed in CI too: `context.skip('host: no cgroup v2')`. */
const ALLOWED = 'host: ';

/**
 * Writes `passed failed skipped` to the file COUNT_FILE names, for scripts/test to add up. Where CI is true, a skip
 * whose reason does not say that the host is at fault counts as failed.
 */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const counts = { passed: 0, failed: errors.length, skipped: 0 };
    if (errors.length > 0) tellFailure(undefined, 'outside of a test', errors);
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      for (const test of tests) {
        const result = test.result();
        const note = result.state === 'skipped' ? (result.note ?? 'no reason given') : '';
        if (result.state === 'skipped') console.log(`skipped: ${test.fullName}: ${note}`);
        if (result.state === 'skipped' && process.env['CI'] === 'true' && !note.startsWith(ALLOWED)) {
          tellFailure(module, test.fullName, [{ message: `skipped in CI for a reason that does not begin with "${ALLOWED}"` }]);
          counts.failed += 1;
        } else if (result.state === 'passed' || result.state === 'skipped') counts[result.state] += 1;
        else {
          tellFailure(module, test.fullName, result.errors ?? []);
          counts.failed += 1;
        }
      }
      // A file that cannot be loaded, or whose hooks fail, has no failed test of its own.
      if (module.state() === 'failed' && !tests.some((test) => test.result().state === 'failed')) {
        tellFailure(module, 'the file itself', module.errors());
        counts.failed += 1;
      }
    }
    const file = process.env['COUNT_FILE'];
    if (file !== undefined) writeFileSync(file, `${counts.passed} ${counts.failed} ${counts.skipped}\n`);
  }
}
