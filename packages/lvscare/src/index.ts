export { type Endpoint, formatEndpoint } from './endpoint.ts';
export { addServer, addService, removeService } from './ipvs-rules.ts';
export { allMembers, type Members } from './members.ts';
export { nftRules, nftTable } from './nft-rules.ts';
export { addRoute, removeRoute } from './route.ts';
