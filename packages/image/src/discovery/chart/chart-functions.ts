import { dict, type FunctionMap, fn } from '@sealos/template';

const CERTIFICATE = () =>
  dict([
    ['Cert', ''],
    ['Key', ''],
  ]);

/**
 * What Helm's templates can call besides sprig, for looking at what they give: nothing of a cluster is known, values that the user has to
 * give are empty, and a chart that refuses its values is read all the same (as `helm lint` does it). Keys, certificates and hashes are
 * empty: nobody sees them.
 */
export const chartFunctions: FunctionMap = {
  required: fn(['string', 'any'], (_message, value) => value ?? ''),
  fail: fn(['string'], () => ''),
  lookup: fn(['string', 'string', 'string', 'string'], () => dict()),
  getHostByName: fn(['string'], () => ''),
  genPrivateKey: fn(['string'], () => ''),
  derivePassword: fn(['any', 'string', 'string', 'string', 'string'], () => ''),
  bcrypt: fn(['string'], () => ''),
  htpasswd: fn(['string', 'string'], () => ''),
  genCA: fn(['string', 'int'], CERTIFICATE),
  genCAWithKey: fn(['string', 'int', 'string'], CERTIFICATE),
  buildCustomCert: fn(['string', 'string'], CERTIFICATE),
  genSelfSignedCert: fn(['string', 'any', 'any', 'int'], CERTIFICATE),
  genSelfSignedCertWithKey: fn(['string', 'any', 'any', 'int', 'string'], CERTIFICATE),
  genSignedCert: fn(['string', 'any', 'any', 'int', 'any'], CERTIFICATE),
  genSignedCertWithKey: fn(['string', 'any', 'any', 'int', 'any', 'string'], CERTIFICATE),
};
