/** Environment of every script: plain messages, the directories of administration, files that others may read. */
const ENVIRONMENT = `export LC_ALL=C PATH="\${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
umask 022
unset sealos_program`;

export interface LoopOptions {
  /** Seconds without a sign of the operator after which it is taken for gone. */
  readonly silence: number;
  /** Directory of the connection's temporary files; made by whoever needs it. */
  readonly temporary: string;
}

/** Exit status of a loop whose operator was silent for too long (EX_TEMPFAIL, as sysexits.h has it). */
export const SILENCE_STATUS = 75;

/**
 * The remote side of the shell's protocol, a bash program. It reads scripts that end in a NUL byte from its standard input and runs each
 * in a subshell that leads a process group of its own; `eval` keeps the scripts, and the secrets in them, out of every argument list.
 *
 * While a script runs, the loop waits for a line from the operator: `ok`, once it has seen the end; `cancel`; or the end of input, because
 * the operator or the connection is gone. All but the first end the whole group: TERM, and KILL 3 s later.
 *
 * An operator that loses its power, or its cable, says no goodbye, and sshd would wait for it for hours. So the operator sends a sign of
 * life every few seconds: the line `beat` while a script runs, an empty script otherwise. After `silence` seconds without one the loop
 * takes it for gone, and ends with status SILENCE_STATUS. Seconds are counted, not compared with a clock: a host that was stopped as a
 * whole gives its operator the time again.
 *
 * What was put into the directory `temporary` is removed when the loop ends, however that comes.
 *
 * The end is told on both output streams by a line `NONCE COUNT STATUS`, with a nonce that no script knows. A line break goes before
 * it, so that output without one at its end stays apart. A script that kills its own group cannot tell its end: the loop looks every
 * second and tells 137 for it.
 */
export function shellLoop(nonce: string, { silence, temporary }: LoopOptions): string {
  return `${ENVIRONMENT}
# What bash itself says about jobs goes nowhere; scripts and the loop write to what is stderr now.
exec 3>&2 2>/dev/null
# A broken pipe must not end the loop before it has ended the script. A handler, unlike an ignored signal, is not inherited.
trap : PIPE
# An archive that is being unpacked there may need a moment to notice that its connection is gone.
trap 'rm -rf ${temporary} || { sleep 2; rm -rf ${temporary}; }' EXIT
set -m
sealos_count=0
sealos_tell() {
  printf '\\n%s %d %d\\n' ${nonce} "$sealos_count" "$1"
  printf '\\n%s %d %d\\n' ${nonce} "$sealos_count" "$1" >&3
}
sealos_end_group() {
  local round
  kill -TERM -- "-$1" || return 0
  for round in 1 2 3 4 5 6 7 8 9 10; do
    sleep 0.03
    kill -0 -- "-$1" || return 0
  done
  for round in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27; do
    sleep 0.1
    kill -0 -- "-$1" || return 0
  done
  kill -KILL -- "-$1"
}
sealos_next() {
  sealos_script=
  while :; do
    IFS= read -r -d '' -t ${silence} sealos_part
    sealos_read=$?
    sealos_script="$sealos_script$sealos_part"
    if [ $sealos_read -eq 0 ]; then
      [ -z "$sealos_script" ] || return 0
    elif [ $sealos_read -le 128 ]; then exit 0
    elif [ -z "$sealos_part" ]; then exit ${SILENCE_STATUS}
    fi
  done
}
sealos_tell 0
while sealos_next; do
  sealos_count=$((sealos_count + 1))
  {
    set +m
    ( trap - PIPE; exec 2>&3 3>&-; eval "$sealos_script" ) </dev/null
    sealos_tell $?
  } </dev/null &
  sealos_group=$!
  sealos_answer=
  sealos_quiet=0
  while :; do
    IFS= read -r -t 1 sealos_part
    sealos_read=$?
    sealos_answer="$sealos_answer$sealos_part"
    if [ $sealos_read -eq 0 ]; then
      [ "$sealos_answer" = beat ] || break
      sealos_answer=
      sealos_quiet=0
      continue
    fi
    [ $sealos_read -gt 128 ] || { sealos_answer=gone; break; }
    sealos_quiet=$((sealos_quiet + 1))
    [ $sealos_quiet -lt ${silence} ] || { sealos_answer=silent; break; }
    kill -0 "$sealos_group" || sealos_tell 137
  done
  if [ "$sealos_answer" != ok ]; then
    sealos_end_group "$sealos_group"
    [ "$sealos_answer" != gone ] || exit 0
    [ "$sealos_answer" != silent ] || exit ${SILENCE_STATUS}
    sealos_tell 143
    until [ "$sealos_answer" = ok ]; do
      IFS= read -r -t ${silence} sealos_answer || exit 0
    done
  fi
  wait "$sealos_group"
done
`;
}
