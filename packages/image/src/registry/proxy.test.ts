import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopback, proxyFor } from './proxy.ts';

const environment = {
  HTTPS_PROXY: 'http://proxy:3128',
  http_proxy: 'plain:8080',
  NO_PROXY: 'example.org, .sub.net,10.0.0.0/8,*.only.io,host:5000,fd00::/8',
};

test('the proxy is chosen by scheme', () => {
  assert.equal(proxyFor(new URL('https://quay.io/v2/'), environment), 'http://proxy:3128');
  assert.equal(proxyFor(new URL('http://quay.io/v2/'), environment), 'http://plain:8080');
  assert.equal(proxyFor(new URL('https://quay.io/v2/'), {}), undefined);
});

test('NO_PROXY excepts domains with their subdomains, networks and single ports', () => {
  const excepted = [
    'https://example.org',
    'https://a.example.org',
    'https://a.sub.net',
    'https://10.1.2.3:5000',
    'https://a.only.io',
    'https://host:5000',
    'https://[fd00::1]/',
  ];
  for (const url of excepted) assert.equal(proxyFor(new URL(url), environment), undefined, url);
  for (const url of ['https://notexample.org', 'https://sub.net', 'https://11.1.2.3', 'https://only.io', 'https://host']) {
    assert.notEqual(proxyFor(new URL(url), environment), undefined, url);
  }
  assert.equal(proxyFor(new URL('https://quay.io'), { ...environment, NO_PROXY: '*' }), undefined);
});

test('this machine itself is never reached through a proxy', () => {
  for (const url of ['http://localhost:5000', 'http://127.0.0.1:5000', 'https://127.9.9.9', 'http://[::1]:5000']) {
    assert.equal(proxyFor(new URL(url), environment), undefined, url);
  }
  assert.ok(!isLoopback('127.evil.example.org'));
});
