/** A device number as in stat(2) (makedev(3)), for majors of 12 and minors of 20 bits; Linux has no others. */
export function deviceNumber(major: number, minor: number): number {
  return (major & 0xfff) * 0x100 + (minor >>> 8) * 0x100000 + (minor & 0xff);
}

/** The inverse, in the form of proc_pid_mountinfo(5): `major:minor`. */
export function formatDevice(device: number): string {
  return `${(device >>> 8) & 0xfff}:${(device & 0xff) | ((device >>> 12) & 0xfff00)}`;
}
