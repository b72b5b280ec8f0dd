// A SAML identity provider that signs in whoever it was told of last, without asking.
// Arguments: port, its key, its certificate, the address that its answers go to.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import samlp from "samlp";

const [port, key, cert, postURL] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}/saml`;
let account = {};

const answer = samlp.auth({
  issuer,
  key: readFileSync(key),
  cert: readFileSync(cert),
  signatureAlgorithm: "rsa-sha256",
  digestAlgorithm: "sha256",
  lifetimeInSeconds: 60,
  destination: postURL,
  recipient: postURL,
  getPostURL: (_, __, ___, done) => done(null, postURL),
  getUserFromRequest: () => account,
  profileMapper: ({ id, attributes }) => ({
    getClaims: () => attributes,
    getNameIdentifier: () => ({ nameIdentifier: id }),
  }),
});

createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, issuer);
  if (pathname === "/be") {
    account = JSON.parse(searchParams.get("account"));
    response.end();
    return;
  }
  // What the middleware expects of express.
  request.query = Object.fromEntries(searchParams);
  response.set = (name, value) => response.setHeader(name, value);
  response.send = (body) => response.end(body);
  answer(request, response, (error) => response.writeHead(500).end(String(error)));
}).listen(Number(port), "127.0.0.1");
