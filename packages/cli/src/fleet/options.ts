/** The options of `mediated fleet …` and `mediated up --fleet`, as data; `commands.ts` has them with all others. */

/** Where a fleet is, and who one is there. */
export const SERVER_OPTIONS = {
  server: {
    value: 'URL',
    fallback: process.env.NATS_URL || 'nats://127.0.0.1:4222',
    fallbackName: '$NATS_URL, or port 4222 here',
    help: 'NATS servers',
  },
  name: { value: 'NAME', fallback: 'mediated', help: 'which fleet' },
  credentials: { value: 'FILE', fallback: '', fallbackName: 'none', help: 'credentials of NATS' },
  ca: { value: 'FILE', fallback: '', fallbackName: "the system's", help: 'authority for TLS' },
  cert: { value: 'FILE', fallback: '', fallbackName: 'none', help: 'own certificate for TLS' },
  key: { value: 'FILE', fallback: '', fallbackName: 'none', help: 'its key' },
} as const;

/** What makes a running `mediated up` a host. */
export const HOST_OPTIONS = {
  fleet: { value: 'URL', fallback: '', fallbackName: 'none', help: 'host of a fleet at these NATS servers' },
  'fleet-name': { value: 'NAME', fallback: 'mediated', help: 'which fleet' },
  'fleet-host': { value: 'NAME', fallback: '', fallbackName: "the machine's", help: 'name of this host' },
  'fleet-labels': { value: 'A=B,C=D', fallback: '', fallbackName: 'none', help: 'what placement may ask for' },
  'fleet-lease': {
    value: 'N',
    least: 0,
    most: 3_600_000,
    fallback: 0,
    help: "milliseconds; 0: the fleet's, or 3000",
  },
  'fleet-replicas': { value: 'N', least: 0, most: 5, fallback: 0, help: "0: the fleet's, or 1" },
  'fleet-account': { value: 'NAME', fallback: '', fallbackName: 'any', help: 'NATS account it must be' },
  'fleet-creds': { value: 'FILE', fallback: '', fallbackName: 'none', help: 'credentials of NATS' },
  'fleet-ca': { value: 'FILE', fallback: '', fallbackName: "the system's", help: 'authority for TLS' },
  'fleet-cert': { value: 'FILE', fallback: '', fallbackName: 'none', help: 'own certificate for TLS' },
  'fleet-key': { value: 'FILE', fallback: '', fallbackName: 'none', help: 'its key' },
} as const;
