/** What an image was made for, in the words of Go. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
}

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/** The platform of a Linux host, whose architecture is given in the words of Node. */
export function platformOf(nodeArchitecture: string): Platform {
  return { os: 'linux', architecture: architectures[nodeArchitecture] ?? nodeArchitecture };
}

export function isSamePlatform(one: Platform, other: Platform): boolean {
  return one.os === other.os && one.architecture === other.architecture;
}

export function printPlatform({ os, architecture }: Platform): string {
  return `${os}/${architecture}`;
}
