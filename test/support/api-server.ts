// An API server as the guard sees one: api-server.ts NAME CERTIFICATE KEY [PORT [ADDRESS]]. A line on its standard input sets what /healthz answers.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createInterface } from 'node:readline';

const [name = '', certificate = '', key = '', port = '6443', address = '0.0.0.0'] = process.argv.slice(2);
let health = 200;
createInterface({ input: process.stdin }).on('line', (line) => {
  health = Number(line);
});
const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key), keepAliveTimeout: 0 }, (request, response) => {
  if (request.url === '/healthz') response.writeHead(health).end('ok');
  else if (request.url === '/held') response.end(`name=${name}\n`);
  else response.end(`${name}\n`);
});
server.listen(Number(port), address);
