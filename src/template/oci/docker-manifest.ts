import { IsolateError } from '../../error.ts';
import { bad, fieldsOf, lineOf, listOf, parseJson, textOf, textsOf } from './json.ts';
import { mostLayers } from './manifest.ts';

/** An image in what `docker save` writes: names of members of the archive. */
export interface DockerImage {
  readonly config: string;
  readonly names: readonly string[];
  /** The lowest first. */
  readonly layers: readonly string[];
}

/** The images in `manifest.json`. `what` is the file in errors. Throws `bad-source`. */
export function parseDockerManifest(bytes: Uint8Array, what: string): readonly DockerImage[] {
  const images = parseJson(bytes, what);
  if (!Array.isArray(images)) throw bad(`${what} is not a list of images.`);
  return listOf(images, `The list of images in ${what}`, 1000).map((image, index) => {
    const here = `image ${index + 1} in ${what}`;
    const { Config: config, RepoTags: names, Layers: layers } = fieldsOf(image, here);
    return {
      config: memberName(textOf(config, `The configuration of ${here}`) ?? '', here),
      names: listOf(names, `The list of names of ${here}`, 1000).map((name) => lineOf(name, `A name of ${here}`) ?? ''),
      layers: textsOf(layers, `The list of layers of ${here}`, mostLayers).map((name) => memberName(name, here)),
    };
  });
}

/** The image of this name, with or without a tag and Docker's prefixes; without a name the only one. Throws `bad-source`. */
export function chooseDockerImage(images: readonly DockerImage[], name: string | null, what: string): DockerImage {
  const all = images.flatMap(({ names }) => names);
  const hint = all.length === 0 ? {} : { hint: `docker-archive:FILE:NAME:TAG, with ${all.slice(0, 10).join(', ')}` };
  const found = name === null ? images : images.filter(({ names }) => names.some((each) => shorten(each) === shorten(name)));
  const [first, ...others] = found;
  if (first === undefined) {
    throw new IsolateError('bad-source', name === null ? `${what} has no image.` : `${what} has no image ${JSON.stringify(name)}.`, hint);
  }
  if (others.some(({ config }) => config !== first.config)) throw new IsolateError('bad-source', `${what} has several images.`, hint);
  return first;
}

function shorten(name: string): string {
  const short = name.replace(/^docker\.io\//, '').replace(/^library\//, '');
  return /:[^/]*$/.test(short) ? short : `${short}:latest`;
}

/** A relative path without dots, as tar(1) prints it. */
function memberName(name: string, what: string): string {
  const parts = name.split('/');
  const plain = parts.every((part) => part !== '' && part !== '.' && part !== '..') && !/[\p{Cc}\\]/u.test(name) && name.length <= 1000;
  if (!plain) throw bad(`${JSON.stringify(name.slice(0, 160))} in ${what} is no name of a file in the archive.`);
  return name;
}
