import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTemplatePath, renderTemplates } from './render.ts';

const render = (files: Record<string, string>, env: Record<string, string> = {}) =>
  renderTemplates(
    new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)])),
    new Map(Object.entries(env)),
    '/data/rootfs',
  );

test('templates lie below etc, scripts and manifests, at any depth, and nowhere else', () => {
  for (const path of ['etc/a.tmpl', 'scripts/x/y/b.tmpl', 'manifests/c.yaml.tmpl']) assert.ok(isTemplatePath(path), path);
  for (const path of [
    'charts/a.tmpl',
    'a.tmpl',
    'etc/.tmpl/a',
    'etc/a.tpl',
    'etc/a',
    'opt/etc/a.tmpl',
    'etcx/a.tmpl',
    'etc/..tmpl',
    'etc/...tmpl',
  ])
    assert.ok(!isTemplatePath(path), path);
});

test("a public image's templates render with one host's environment", () => {
  const files = render(
    {
      'etc/hosts.toml.tmpl': 'server = "http://{{ .registryDomain }}:{{ .registryPort }}"\n',
      'etc/kubelet.tmpl':
        '{{ if semverCompare "^1.27.0" .SEALOS_SYS_KUBE_VERSION }}new{{ else }}old{{ end }} {{ default "/usr/bin" .BIN_DIR }}',
      'scripts/run.sh.tmpl': 'echo {{ .missing }}\n',
    },
    { registryDomain: 'sealos.hub', registryPort: '5000', SEALOS_SYS_KUBE_VERSION: 'v1.24.0' },
  );
  assert.deepEqual(files, [
    { path: '/data/rootfs/etc/hosts.toml', content: 'server = "http://sealos.hub:5000"\n', mode: 0o644 },
    { path: '/data/rootfs/etc/kubelet', content: 'old /usr/bin', mode: 0o644 },
    { path: '/data/rootfs/scripts/run.sh', content: 'echo <no value>\n', mode: 0o755 },
  ]);
});

test('what holds a password is for root alone, what is a script may be executed', () => {
  const modes = render(
    {
      'etc/registry.yml.tmpl': '{{ .registryPassword }}',
      'etc/a.tmpl': '#!/bin/sh',
      'scripts/b.tmpl': '{{ .registryPassword }}',
      'etc/c.tmpl': '{{ .registryUsername }}',
    },
    { registryPassword: 'hunter22', registryUsername: 'admin', otherPassword: '' },
  ).map(({ path, mode }) => [path.slice(13), mode.toString(8)]);
  assert.deepEqual(modes, [
    ['etc/a', '755'],
    ['etc/c', '644'],
    ['etc/registry.yml', '600'],
    ['scripts/b', '700'],
  ]);
});

test('an error names the file, the line and the column', () => {
  assert.throws(() => render({ 'etc/a.tmpl': 'x\n{{ semverCompare "x" "y" }}' }), {
    code: 'bad-template',
    exitCode: 2,
    message: /^etc\/a\.tmpl:2:\d+: /,
  });
  assert.throws(() => render({ 'etc/b.tmpl': '{{ if }}' }), { code: 'bad-template', exitCode: 2, message: /^etc\/b\.tmpl:1: / });
  assert.throws(() => renderTemplates(new Map([['etc/c.tmpl', Buffer.of(0xff, 0xfe)]]), new Map(), '/'), {
    message: 'etc/c.tmpl: is not text in UTF-8',
  });
});
