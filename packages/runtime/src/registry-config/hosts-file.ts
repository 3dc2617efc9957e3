import { badInput } from '@sealos/image';
import { canonicalIp } from '../address-list.ts';
import { type Script, script } from '../host/script.ts';

const marker = '# sealos';
const hostsFile = '/etc/hosts';

/**
 * Puts one line for `domain` into /etc/hosts, marked as ours, before any other that names it (the first one counts), and leaves every
 * other line as it is. A line of ours, or one that names nothing but the domain (as sealos wrote them), is replaced. Prints `changed`
 * or `unchanged`. Throws bad input for what is no name or address.
 */
export function hostsEntryScript(domain: string, ip: string, file = hostsFile): Script {
  return edit(domain, `${canonicalIp(ip)} ${domain} ${marker}`, file);
}

/** Takes our line for `domain`, or one that names nothing but it, out of /etc/hosts. Prints `changed` or `unchanged`. */
export function hostsEntryRemovalScript(domain: string, file = hostsFile): Script {
  return edit(domain, '', file);
}

/**
 * Nothing but bash and the tools that every host has. The new file gets the old one's owner and mode and takes its place by rename; where
 * /etc/hosts is mounted into a container and cannot be renamed over, it is written in place.
 */
function edit(domain: string, entry: string, file: string): Script {
  if (!/^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(domain)) throw badInput('bad-host-name', `'${domain}' is not a host name`);
  return script`(
set -eu
domain=${domain} entry=${entry} marker=${marker}
file=$(readlink -f ${file})
[ -e "$file" ] || { [ -n "$entry" ] || { echo unchanged; exit 0; }; (umask 022; : >"$file"); }
old= new= placed=
while IFS= read -r line || [ -n "$line" ]; do
  old+=$line$'\\n'
  IFS=$' \\t' read -r -a words <<<"\${line%%#*}" || true
  names=" \${words[*]:1} "
  if [[ $names == " $domain " ]]; then
    if [ -z "\${line##*"$marker"}" ] || [[ $line != *#* ]]; then
      if [ -n "$entry" ] && [ -z "$placed" ]; then new+=$entry$'\\n'; placed=1; fi
      continue
    fi
  fi
  if [[ -n $entry && -z $placed && $names == *" $domain "* ]]; then new+=$entry$'\\n'; placed=1; fi
  new+=$line$'\\n'
done <"$file"
if [ -n "$entry" ] && [ -z "$placed" ]; then new+=$entry$'\\n'; fi
if [ "$old" = "$new" ]; then echo unchanged; exit 0; fi
temporary=$file.sealos.$$
trap 'rm -f "$temporary"' EXIT
cp -p "$file" "$temporary"
printf %s "$new" >"$temporary"
sync "$temporary" 2>/dev/null || true
mv -f "$temporary" "$file" 2>/dev/null || cat "$temporary" >"$file"
echo changed
)
`;
}
