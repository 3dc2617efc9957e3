// What may differ between two dumps of one host though nobody did anything to it, and why: everything else is a difference.

export interface Volatile {
  /** Matches a whole line of the dump, `section<TAB>…`. */
  readonly line: RegExp;
  readonly why: string;
}

export const volatileLines: readonly Volatile[] = [
  { line: /^process\t\S+ sshd: /, why: 'a login is at work, or its connection is being closed' },
  { line: /^process\t\S+ (\/lib\/systemd\/systemd --user|\(sd-pam\))/, why: 'the user manager of a login stays for some seconds' },
  { line: /^mount\t\/run\/user\//, why: 'belongs to a login' },
  {
    line: /^unit\t(session-\S+\.scope|user@\d+\.service|user-\d+\.slice|user-runtime-dir@\d+\.service|run-user-\d+\.mount) /,
    why: 'belongs to a login',
  },
  { line: /^cgroup\t\S*\/user\.slice(\/|$)/, why: 'belongs to a login' },
  {
    line: /^unit\t(apt-daily|apt-daily-upgrade|dpkg-db-backup|e2scrub_all|fstrim|logrotate|man-db|systemd-tmpfiles-clean)\.service /,
    why: 'started by a timer',
  },
  { line: /^unit\tsystemd-(hostnamed|timedated|localed)\.service /, why: 'started by whoever asks it, ends by itself' },
  { line: /^process\t\S+ \/lib\/systemd\/systemd-(hostnamed|timedated|localed)$/, why: 'started by whoever asks it, ends by itself' },
  { line: /^address\t\S+ inet6 fe80::/, why: 'comes some seconds after its link' },
  { line: /^route\t.*\bfe80::/, why: 'comes with its address' },
];

/** Paths whose content is not compared: `tree` with everything below it, `content` only what the file holds. */
export const volatilePaths = {
  tree: [
    '/var/log/journal', // the journal
    '/run/log/journal',
    '/var/cache', // caches
    '/var/lib/apt',
    '/var/lib/systemd', // timers, random seed, clock
    '/run/systemd', // units are compared by what systemd says of them
    '/run/udev',
    '/run/user', // logins
    '/run/sudo',
    '/run/dbus',
    '/tmp/.X11-unix',
  ],
  content: [
    '/var/log/wtmp',
    '/var/log/btmp',
    '/var/log/lastlog',
    '/var/log/faillog',
    '/run/utmp',
    '/etc/resolv.conf',
    '/var/log/alternatives.log',
  ],
} as const;
