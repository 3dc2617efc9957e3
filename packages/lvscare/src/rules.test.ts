import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipvsChanges, parseIpvs } from './ipvs-rules.ts';
import { nftRules } from './nft-rules.ts';
import { addRoute, isRouted } from './route.ts';

const vs = { ip: '10.103.97.2', port: 6443 };
const at = (last: number, port = 6443) => ({ ip: `10.0.0.${last}`, port });

test('nftables: new connections go to the targets, others of the living keep theirs', () => {
  const rules = nftRules(vs, { targets: [at(1), at(2)], living: [at(1), at(2), at(3)] });
  assert.match(rules, /ip daddr 10\.103\.97\.2 tcp dport 6443 dnat to numgen inc mod 2 map \{ 0 : 10\.0\.0\.1, 1 : 10\.0\.0\.2 \}/);
  assert.match(rules, /ip daddr \. tcp dport != \{ 10\.0\.0\.1 \. 6443, 10\.0\.0\.2 \. 6443, 10\.0\.0\.3 \. 6443 \} reject with tcp reset/);
});

test('nftables: servers on other ports than the virtual one are named with theirs', () => {
  const rules = nftRules(vs, { targets: [at(1, 7443)], living: [at(1, 7443)] }, 'sh');
  assert.match(rules, /dnat ip addr \. port to jhash ip saddr mod 1 map \{ 0 : 10\.0\.0\.1 \. 7443 \}/);
});

test('nftables: IPv6 has a table of its own', () => {
  const rules = nftRules(
    { ip: 'fd00::2', port: 6443 },
    { targets: [{ ip: 'fd01::1', port: 6443 }], living: [{ ip: 'fd01::1', port: 6443 }] },
  );
  assert.match(rules, /^table ip6 sealos_api\ndelete table ip6 sealos_api\n/);
  assert.match(rules, /ip6 daddr fd00::2 tcp dport 6443 dnat to/);
});

const saved = `-A -t 10.96.0.1:443 -s rr
-a -t 10.96.0.1:443 -r 10.0.0.9:6443 -m -w 1
-A -t 10.103.97.2:6443 -s rr
-a -t 10.103.97.2:6443 -r 10.0.0.1:6443 -m -w 1
-a -t 10.103.97.2:6443 -r 10.0.0.2:6443 -g -w 0
-A -u 10.96.0.10:53 -s rr
`;

test('IPVS: one virtual server is read out of what is saved', () => {
  assert.deepEqual(parseIpvs(saved, vs), {
    scheduler: 'rr',
    servers: [
      { server: at(1), weight: 1, masquerades: true },
      { server: at(2), weight: 0, masquerades: false },
    ],
  });
  assert.equal(parseIpvs(saved, { ip: '10.103.97.2', port: 443 }), undefined);
});

test('IPVS: from nothing, the virtual server and all of its members are added', () => {
  assert.deepEqual(
    ipvsChanges(vs, 'rr', undefined, { targets: [at(1)], living: [at(1), at(2)] }).map((words) => words.join(' ')),
    ['-A -t 10.103.97.2:6443 -s rr', '-a -t 10.103.97.2:6443 -r 10.0.0.1:6443 -m -w 1', '-a -t 10.103.97.2:6443 -r 10.0.0.2:6443 -m -w 0'],
  );
});

test('IPVS: what is right is left alone, the rest is changed, added or removed', () => {
  const current = parseIpvs(saved, vs);
  assert.deepEqual(
    ipvsChanges(vs, 'rr', current, { targets: [at(1), at(2), at(3)], living: [at(1), at(2), at(3)] }).map((words) => words.join(' ')),
    ['-e -t 10.103.97.2:6443 -r 10.0.0.2:6443 -m -w 1', '-a -t 10.103.97.2:6443 -r 10.0.0.3:6443 -m -w 1'],
  );
  assert.deepEqual(
    ipvsChanges(vs, 'lc', current, { targets: [at(1)], living: [at(1)] }).map((words) => words.join(' ')),
    ['-E -t 10.103.97.2:6443 -s lc', '-d -t 10.103.97.2:6443 -r 10.0.0.2:6443'],
  );
  assert.deepEqual(
    ipvsChanges(vs, 'rr', current && { ...current, servers: current.servers.slice(0, 1) }, { targets: [at(1)], living: [at(1)] }),
    [],
  );
});

test('the route makes the virtual address the host’s own, called from its node address', () => {
  assert.equal(addRoute(vs.ip, '10.0.0.5').join(' '), '-4 route replace local 10.103.97.2/32 dev lo table local src 10.0.0.5');
  assert.equal(isRouted('local 10.103.97.2 dev lo src 10.0.0.5 uid 0 \\    cache <local> \n', '10.0.0.5'), true);
  assert.equal(isRouted('10.103.97.2 via 10.0.0.254 dev eth0 src 10.0.0.5 \n', '10.0.0.5'), false);
  assert.equal(isRouted('local 10.103.97.2 dev lo src 10.0.0.4\n', '10.0.0.5'), false);
});
