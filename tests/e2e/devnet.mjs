// Starting the real binary, and what every test does with it.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, existsSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRequire } from 'node:module'
import { createPublicClient, createWalletClient, defineChain, http, parseAbi } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'

const here = dirname(fileURLToPath(import.meta.url))
export const root = join(here, '..', '..')
export const PLASMA = process.env.PLASMA_BIN ?? join(root, 'target', 'debug', 'plasma')
const contracts = join(root, 'plasma-bridge', 'contracts')

/** A program of Foundry's, from the npm package that the contracts' toolchain installs. */
export function foundry(name) {
  const require = createRequire(join(contracts, 'package.json'))
  const platform = `@foundry-rs/${name}-${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`
  const path = join(dirname(require.resolve(`${platform}/package.json`)), 'bin', name)
  if (!existsSync(path)) throw new Error(`${path} is missing: run \`cargo xtask setup\``)
  return path
}

export const artifact = (name) => JSON.parse(readFileSync(join(contracts, 'artifacts', `${name}.json`)))

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms))

/** Asks again until the answer is truthy; what else to say when it never is may be a function. */
export async function eventually(what, ask, seconds = 60) {
  const named = () => (typeof what === 'function' ? what() : what)
  const deadline = Date.now() + seconds * 1000
  let last
  while (Date.now() < deadline) {
    try {
      const answer = await ask()
      if (answer) return answer
    } catch (error) {
      last = error
    }
    await sleep(100)
  }
  throw new Error(`${named()} did not happen in ${seconds} s${last ? `: ${last}` : ''}`)
}

/** Starts a program, and keeps what it says. */
export function start(program, args, options = {}) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  child.output = ''
  const keep = (chunk) => { child.output = (child.output + chunk).slice(-200_000) }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  child.ended = new Promise((done) => child.on('exit', (code, signal) => done({ code, signal })))
  return child
}

/** Runs a program to its end, which must come within three minutes. */
export async function run(program, args, options) {
  const child = start(program, args, { timeout: 180_000, ...options })
  const { code } = await child.ended
  return { code, output: child.output }
}

/** The `plasma` command against a devnet. */
export const plasma = (devnet, ...args) =>
  run(PLASMA, args, { env: { ...process.env, PLASMA_CONFIG: devnet.file } })

/** A fresh `plasma devnet` process on free ports. */
export async function launch(...args) {
  const folder = mkdtempSync(join(tmpdir(), 'plasma-e2e-'))
  const file = join(folder, 'devnet.json')
  const child = start(PLASMA, ['devnet', '--root-port', '0', '--chain-port', '0', '--config-out', file, ...args])
  const dead = child.ended.then(({ code }) => { throw new Error(`plasma devnet ended with ${code}:\n${child.output}`) })
  dead.catch(() => {})
  await Promise.race([eventually('the devnet', () => existsSync(file)), dead])
  const config = JSON.parse(readFileSync(file))
  return {
    ...config,
    file,
    child,
    log: () => child.output,
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      const end = await child.ended
      rmSync(folder, { recursive: true, force: true })
      return end
    },
  }
}

/** Anvil on a free port. */
export async function anvil({ port = '0', args = [] } = {}) {
  const child = start(foundry('anvil'), ['--port', port, ...args])
  const url = await eventually('anvil', () => {
    const port = child.output.match(/Listening on [\d.]+:(\d+)/)?.[1]
    return port && `http://127.0.0.1:${port}`
  })
  return { url, child, async stop() { child.kill('SIGKILL'); await child.ended } }
}

/** viem clients for an RPC, sending as the devnet's account `index`. */
export function clients({ rpc, chainId }, devnet, index = 0) {
  const chain = defineChain({
    id: chainId, name: 'plasma', nativeCurrency: { name: 'XPL', symbol: 'XPL', decimals: 18 },
    rpcUrls: { default: { http: [rpc] } },
  })
  const transport = http(rpc)
  const account = privateKeyToAccount(devnet.accounts[index].privateKey)
  const options = { chain, transport, pollingInterval: 50, cacheTime: 0 }
  return { account, open: createPublicClient(options), wallet: createWalletClient({ ...options, account }) }
}

/** Raw JSON-RPC. */
export async function rpc(url, method, ...params) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    // A machine whose cable is pulled says nothing at all.
    signal: AbortSignal.timeout(30_000),
  })
  return answer.json()
}

export async function must(url, method, ...params) {
  const { result, error } = await rpc(url, method, ...params)
  if (error) throw new Error(`${method}: ${JSON.stringify(error)}`)
  return result
}

export const erc20 = parseAbi([
  'function balanceOf(address) view returns (uint256)',
  'function transfer(address to, uint256 value) returns (bool)',
  'function approve(address spender, uint256 value) returns (bool)',
  'event Transfer(address indexed from, address indexed to, uint256 value)',
])

/** Sends and waits for success. */
export async function done(client, sent) {
  const receipt = await client.open.waitForTransactionReceipt({ hash: await sent, timeout: 30_000 })
  if (receipt.status !== 'success') throw new Error(`transaction ${receipt.transactionHash} failed`)
  return receipt
}
