// Nodes that run from a configuration file: one that orders, and one that follows the root alone.
import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mnemonicToAccount } from 'viem/accounts'
import { bytesToHex } from 'viem'
import { anvil, clients, done, eventually, launch, must, plasma, PLASMA, run, start } from './devnet.mjs'

/** The key of the devnet's account `index`, as a key file holds it. */
const key = (index) => bytesToHex(
  mnemonicToAccount('test test test test test test test test test test test junk', { addressIndex: index }).getHdKey().privateKey)

describe('a node of its own', () => {
  let root, folder, devnet, chain, head
  const nodes = []
  before(async () => {
    root = await anvil()
    folder = mkdtempSync(join(tmpdir(), 'plasma-node-'))
    const data = join(folder, 'devnet')
    devnet = await launch('--root', root.url, '--data', data, '--block-time', '100ms', '--challenge-window', '2s')
    chain = devnet.chains[0]
    const me = clients(chain, devnet, 0)
    await done(me, me.wallet.sendTransaction({ to: devnet.accounts[1].address, value: 5n }))
    head = await must(chain.rpc, 'eth_getBlockByNumber', 'latest', false)
    const { genesis } = await must(chain.rpc, 'plasma_genesis')
    writeFileSync(join(folder, 'genesis.json'), Buffer.from(genesis.config.slice(2), 'hex'))
    writeFileSync(join(folder, 'operator.key'), key(10))
    writeFileSync(join(folder, 'sequencer.key'), `${key(12)}\n`)
    // The devnet goes, and what it kept stays: a node takes it up.
    devnet.child.kill('SIGTERM')
    await devnet.child.ended
    cpSync(join(data, `chain-${chain.chainId}`), join(folder, 'full'), { recursive: true })
    cpSync(join(data, 'da'), join(folder, 'full', 'da'), { recursive: true })
  })
  after(async () => {
    for (const node of nodes) await stop(node)
    await root?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const config = (name, top, rootKey = '') => {
    const { network, ...rest } = devnet.root.contracts
    const table = (entries) => Object.entries(entries).map(([name, address]) => `${name} = "${address}"`)
    const contracts = [...table(rest), '[root.contracts.network]', ...table(network)]
    const file = join(folder, `${name}.toml`)
    writeFileSync(file, `${top}\n[root]\nurl = "${root.url}"\n${rootKey}\n[root.contracts]\n${contracts.join('\n')}\n`)
    return file
  }
  const open = async (file, ...args) => {
    const node = start(PLASMA, ['node', '--config', file, ...args])
    nodes.push(node)
    const dead = node.ended.then(({ code }) => { throw new Error(`plasma node ended with ${code}:\n${node.output}`) })
    dead.catch(() => {})
    const url = await Promise.race([eventually('the node', () => node.output.match(/ at (http:\S+)/)?.[1]), dead])
    return { node, url }
  }
  const stop = async (node, signal = 'SIGTERM') => { node.kill(signal); return node.ended }
  const blocks = async (url) => BigInt(await must(url, 'eth_blockNumber'))
  const block = (url, number) => must(url, 'eth_getBlockByNumber', number, false)

  it('a full node goes on with a chain, and a verifier follows it', async () => {
    const full = await open(config('full', [
      'role = "full"', 'data = "full"', 'listen = "127.0.0.1:0"',
      '[chain]', `id = ${chain.chainId}`, 'execution = "modules"', 'genesis = "genesis.json"',
      '[sequencer]', 'key = "sequencer.key"', 'block_time_ms = 100',
      '[batcher]', 'max_age_ms = 300',
    ].join('\n'), 'key = "operator.key"'))
    assert.equal((await block(full.url, head.number)).hash, head.hash)
    const here = { ...devnet, chains: [{ ...chain, rpc: full.url }] }
    const command = async (...args) => {
      const { code, output } = await plasma(here, ...args, '--rpc', full.url)
      assert.equal(code, 0, `${output}\n${full.node.output}`)
      return output
    }
    assert.match(await command('bridge', 'deposit', '--amount', '2'), /credited/)
    assert.match(await command('bridge', 'withdraw', '--amount', '1'), /paid on the root/)
    assert.match(await command('verify'), /all block hashes and state roots are equal/)

    // A verifier on an empty disk needs the root and somebody with the bytes.
    const file = config('verifier', [
      'role = "verifier"', 'data = "verifier"', 'listen = "127.0.0.1:0"', `peer = "${full.url}"`].join('\n'))
    let verifier = await open(file)
    // What is handed to it gets to the sequencer, and comes back by way of the root.
    const through = clients({ ...chain, rpc: verifier.url }, devnet, 3)
    const receipt = await done(through, through.wallet.sendTransaction({ to: devnet.accounts[2].address, value: 1n }))
    assert.equal(receipt.blockHash, (await block(full.url, `0x${receipt.blockNumber.toString(16)}`)).hash)
    await stop(verifier.node, 'SIGKILL')
    const me = clients({ ...chain, rpc: full.url }, devnet, 0)
    const later = await done(me, me.wallet.sendTransaction({ to: devnet.accounts[2].address, value: 1n }))
    verifier = await open(file)
    await eventually('what was missed', async () => await blocks(verifier.url) >= later.blockNumber)
    const number = `0x${later.blockNumber.toString(16)}`
    const [theirs, ours] = [await block(full.url, number), await block(verifier.url, number)]
    assert.deepEqual([ours.hash, ours.stateRoot], [theirs.hash, theirs.stateRoot])
    assert.deepEqual(await must(verifier.url, 'plasma_health'), { healthy: true, troubles: {} })
    assert.equal((await stop(verifier.node)).code, 0)
    assert.equal((await stop(full.node)).code, 0)
  })

  it('a file that does not say enough, or says another chain, is refused in words', async () => {
    const base = ['role = "full"', 'data = "other"', 'listen = "127.0.0.1:0"']
    const of = (id) => ['[chain]', `id = ${id}`, 'execution = "modules"', 'genesis = "genesis.json"']
    for (const [name, lines, expected] of [
      ['nothing', base, /\[chain\] with a genesis|`peer`/],
      ['keyless', [...base, ...of(chain.chainId)], /\[sequencer\] with a key/],
      ['misspelt', [...base, 'lisen = "x"', ...of(chain.chainId)], /unknown field `lisen`/],
      ['elsewhere', ['role = "verifier"', ...base.slice(1), ...of(777)], /777/],
      ['strange', ['role = "verifier"', ...base.slice(1), ...of(chain.chainId).with(2, 'execution = "cobol"')], /not built in/],
    ]) {
      const { code, output } = await run(PLASMA, ['node', '--config', config(name, lines.join('\n'))])
      assert.notEqual(code, 0, name)
      assert.match(output, expected, name)
    }
  })
})
