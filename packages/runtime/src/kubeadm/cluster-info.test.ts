import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterInfoSignature } from './cluster-info.ts';

// The example of Kubernetes' own tests (cluster-bootstrap, jws_test.go).
test('cluster-info is signed as Kubernetes signs it', () => {
  assert.equal(
    clusterInfoSignature('Hello from the other side. I must have called a thousand times.', {
      id: 'joshua',
      secret: 'my voice is my passcode',
    }),
    'eyJhbGciOiJIUzI1NiIsImtpZCI6Impvc2h1YSJ9..VShe2taLd-YTrmWuRkcL_8QTNDHYxQIEBsAYYiIj1_8',
  );
});
