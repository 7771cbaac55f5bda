import { type Config, configPath, type TemplateConfig } from '../config/config.ts';
import { IsolateError } from '../error.ts';
import { parseDataset } from '../spec/parse-name.ts';
import { type Accounts, describeUser, systemAccounts } from './accounts.ts';
import type { Peer } from './peer.ts';

/** The ids that decide access: those from the kernel, none from the client. */
export type Caller = Pick<Peer, 'uid' | 'gid' | 'rights' | 'groups'>;

/**
 * Returns if `peer` may have a clone of `template` for `engine`; root always may. Throws `bad-name` for what cannot be the name of a
 * template, else `not-permitted`, in the same words whether the template does not exist or this user may not use it, so that nobody
 * learns which templates exist.
 */
export function checkAccess(config: Config, peer: Caller, template: string, engine: string, accounts: Accounts = systemAccounts): void {
  parseDataset(template);
  if (peer.rights === 'root') return;
  const rules = config.templates.get(template);
  const name = accounts.userName(peer.uid);
  if (rules === undefined || !isListed(rules, peer, accounts)) {
    throw new IsolateError('not-permitted', `${describeUser({ uid: peer.uid, name })} may not use the template ${template}.`, {
      hint: `root can allow it in ${configPath}: users = ["${name ?? peer.uid}"] below [templates."${template}"]`,
    });
  }
  if (rules.engines !== null && !rules.engines.includes(engine)) {
    throw new IsolateError(
      'not-permitted',
      `${describeUser({ uid: peer.uid, name })} may not use the template ${template} with the engine ${JSON.stringify(engine)}.`,
      { hint: `use one of ${rules.engines.join(', ')}, as listed in engines below [templates."${template}"] in ${configPath}` },
    );
  }
}

/** Whether `peer` may know about `template`: root about all, others about those that they may use. */
export function maySee(config: Config, peer: Caller, template: string, accounts: Accounts = systemAccounts): boolean {
  const rules = config.templates.get(template);
  return peer.rights === 'root' || (rules !== undefined && isListed(rules, peer, accounts));
}

function isListed({ users, groups }: TemplateConfig, peer: Caller, accounts: Accounts): boolean {
  if (users.some((user) => user === '*' || accounts.uidOf(user) === peer.uid)) return true;
  const own = [peer.gid, ...peer.groups];
  return groups.some((group) => {
    const gid = accounts.gidOf(group);
    return gid !== null && own.includes(gid);
  });
}
