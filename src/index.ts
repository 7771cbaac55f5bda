export { type ErrorCode, IsolateError } from './error.ts';
export type { Launch } from './launch/launch.ts';
export { formatLaunch } from './launch/format.ts';
export type { Holder } from './storage/driver.ts';
export type { RefreshProgress, RefreshReport } from './upkeep/report.ts';
export type { Outcome } from './launch/outcome.ts';
export type { RunEvent } from './run/run-event.ts';
export { refresh, type RefreshRequest } from './upkeep/refresh-template.ts';
export { watch, type WatchRequest } from './upkeep/watch-templates.ts';
export { plan, run } from './template/run-on.ts';
export type { CreateRequest } from './template/create-request.ts';
export {
  type FollowOptions,
  type PullOptions,
  type PushOptions,
  type ReceiveOptions,
  type TemplateDescription,
  templates,
} from './template/library.ts';
export type { Change } from './changes/change.ts';
export type { Report } from './changes/finding.ts';
export { type CopyOptions, type DiffOptions, sessions } from './library/sessions.ts';
export type { ListedSession } from './session/look.ts';
export type { SendOptions } from './template/transfer/send-given.ts';
export type { RunOptions } from './run/run-options.ts';
export type { RunRequest } from './spec/request.ts';
