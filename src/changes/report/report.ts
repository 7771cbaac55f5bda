import type { BytePath, Change } from '../change.ts';
import { type Report, risks } from '../finding.ts';
import { createCollector } from './collect.ts';
import { createJudge } from './judge.ts';
import { collectPackageFiles } from './package-files.ts';
import { comparePackages, createSourceMatcher, isDatabase, newsOf, type PackageChange, type PackageFile, packageItem } from './packages.ts';
import type { Texts } from './rule.ts';
import { rules } from './rules.ts';
import { summarize } from './sentence.ts';
import { splitMoves } from './split-move.ts';
import { createTrees } from './trees.ts';

/**
 * What changes mean for a person. `texts` has what `textsWanted` names, as far as it could be read. Every change of a wanted path is in a
 * finding, and all changes are known when it is judged. The effort grows with the number of changes and the size of the texts, and not faster.
 */
export function makeReport(changes: readonly Change[], texts: Texts, isWanted: (path: BytePath) => boolean = () => true): Report {
  const all = splitMoves(changes);
  const files = findPackageFiles(all);
  const packages = findPackages(files, texts);
  const collector = createCollector();
  for (const change of packages.filter(({ before, after }) => isWanted((after ?? before)?.path ?? ''))) {
    const rule = rules.find(({ match }) => match.by === 'packages' && match.news === newsOf(change));
    if (rule !== undefined)
      collector.add(rule, (change.after ?? change.before)?.path ?? '', packageItem(change), { inFull: false, ofPackage: false });
  }
  const databases = new Set(files.filter(({ source }) => isDatabase(source)).map(({ change }) => change.path));
  const judge = createJudge(
    rules,
    { texts, databases, packageFiles: collectPackageFiles(packages, texts), trees: createTrees(all) },
    collector,
  );
  for (const change of all) if (isWanted(change.path)) judge(change);
  const found = collector.findings(rules);
  const findings = risks.flatMap((risk) => found.filter((finding) => finding.risk === risk));
  return { summary: summarize(findings), findings };
}

function findPackageFiles(changes: readonly Change[]): readonly PackageFile[] {
  const sourceOf = createSourceMatcher();
  const files: PackageFile[] = [];
  for (const change of changes) {
    const source = sourceOf(change.path);
    if (source !== null) files.push({ source, change });
  }
  return files;
}

/** The packages that differ. One of a language that is part of one of the system does not count again. */
function findPackages(files: readonly PackageFile[], texts: Texts): readonly PackageChange[] {
  const ofSystem = comparePackages(
    files.filter(({ source }) => source.ofSystem),
    texts,
  );
  const known = collectPackageFiles(ofSystem, texts);
  const others = comparePackages(
    files.filter(({ source, change }) => !source.ofSystem && !known.explain(change)),
    texts,
  );
  return [...ofSystem, ...others];
}
