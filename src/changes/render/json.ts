import { decodeAcl, aclAttributes } from '../acl.ts';
import { decodeLoosely, decodeUtf8, toBase64, toBytes } from '../bytes.ts';
import { capabilityAttribute, decodeCapability } from '../capability.ts';
import type { AttributeChange, BytePath, Change, FileState } from '../change.ts';
import type { Report } from '../finding.ts';
import { showTime } from '../show-time.ts';
import { toJson } from '../../json.ts';

/** One JSON object, with a line for each change, so that no more than one change is kept in memory. `report`: null if none is wanted. */
export async function* renderJson(changes: AsyncIterable<Change> | Iterable<Change>, report: Report | null): AsyncGenerator<string> {
  yield '{';
  if (report !== null) {
    const findings = report.findings.map(({ paths, ...finding }) => ({ ...finding, paths: paths.map((path) => pathFields('path', path)) }));
    yield `"summary":${toJson(report.summary)},"findings":${toJson(findings)},\n`;
  }
  yield '"changes":[';
  let count = 0;
  for await (const change of changes) {
    yield `${count === 0 ? '\n' : ',\n'}${toJson(changeFields(change))}`;
    count += 1;
  }
  yield `\n],"count":${count}}\n`;
}

function changeFields({ path, kinds, movedFrom, before, after, attributes }: Change): object {
  return {
    ...pathFields('path', path),
    ...(movedFrom === undefined ? {} : pathFields('movedFrom', movedFrom)),
    kinds,
    before: before === null ? null : stateFields(before),
    after: after === null ? null : stateFields(after),
    attributes: attributes.map(attributeFields),
  };
}

/** Bytes that are no UTF-8 are also given in base64. */
function pathFields(name: string, path: BytePath): object {
  const text = decodeUtf8(path);
  return text === null ? { [name]: decodeLoosely(path), [`${name}Bytes`]: toBase64(toBytes(path)) } : { [name]: text };
}

function stateFields({ kind, mode, uid, gid, sizeBytes, modifiedNs, device, inode, links, target }: FileState): object {
  return {
    kind,
    mode: mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    sizeBytes,
    modified: showTime(modifiedNs),
    ...(kind.endsWith('device') ? { device } : {}),
    // Not every number of 64 bits is a number of JavaScript.
    inode: String(inode),
    links,
    ...(target === null ? {} : pathFields('target', target)),
  };
}

function attributeFields({ name, before, after }: AttributeChange): object {
  const value = (bytes: Uint8Array | null): string | null => (bytes === null ? null : toBase64(bytes));
  const decode = decoderOf(name);
  const decoded = (bytes: Uint8Array | null): unknown => (bytes === null ? null : decode?.(bytes));
  return {
    ...pathFields('name', name),
    before: value(before),
    after: value(after),
    ...(decode === null ? {} : { decoded: { before: decoded(before), after: decoded(after) } }),
  };
}

function decoderOf(name: string): ((bytes: Uint8Array) => unknown) | null {
  if (name === capabilityAttribute) return decodeCapability;
  return Object.hasOwn(aclAttributes, name) ? decodeAcl : null;
}
