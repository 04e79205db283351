// Wrong input and broken surroundings, each with a clear word and nothing lost.
import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEther } from 'viem'
import { anvil, clients, done, eventually, launch, must, plasma, PLASMA, rpc, run, sleep } from './devnet.mjs'

describe('refusals', () => {
  let devnet, chain, me
  before(async () => {
    devnet = await launch('--block-time', '100ms')
    chain = devnet.chains[0]
    me = clients(chain, devnet, 0)
  })
  after(() => devnet?.stop())

  const sign = async (fields, index = 0) => {
    const { wallet } = clients(chain, devnet, index)
    const request = await wallet.prepareTransactionRequest({ to: devnet.accounts[1].address, value: 1n })
    return wallet.signTransaction({ ...request, ...fields })
  }
  const refused = async (raw, expected) => {
    const { error, result } = await rpc(chain.rpc, 'eth_sendRawTransaction', raw)
    assert.ok(error, `accepted as ${result}`)
    assert.match(error.message, expected)
  }

  it('transactions', async () => {
    await refused('0x', /malformed|empty|transaction/i)
    await refused('0x1234', /malformed|unsupported/i)
    await refused(`0x02${'ff'.repeat(100)}`, /malformed/i)
    await refused(`0x70${'00'.repeat(64)}`, /malformed|unknown|signature/i)
    await refused(`0x02${'00'.repeat(130 * 1024)}`, /over the limit|too large|malformed/i)
    const { wallet } = me
    const request = await wallet.prepareTransactionRequest({ to: devnet.accounts[1].address, value: 1n })
    await refused(await me.account.signTransaction({ ...request, chainId: 1 }), /chain id/i)
    await refused(await sign({ value: parseEther('100000000') }), /insufficient funds/i)
    await refused(await sign({ maxFeePerGas: 0n, maxPriorityFeePerGas: 0n }), /base fee|fee/i)
    await refused(await sign({ gas: 20_000n }), /gas/i)
    await refused(await sign({ nonce: 1_000_000 }), /nonce too high/i)
    await done(me, me.wallet.sendTransaction({ to: devnet.accounts[1].address, value: 1n }))
    await refused(await sign({ nonce: 0 }), /nonce too low/i)
    const unknown = await sign({ to: (await must(chain.rpc, 'plasma_schema')).modules.bank.address, data: '0xdeadbeef', gas: 100_000n })
    await refused(unknown, /unknown call|no function/i)
    // None of it moved anything.
    assert.equal((await must(chain.rpc, 'plasma_info')).name, chain.name)
  })

  it('JSON', async () => {
    const post = async (body) => (await fetch(chain.rpc, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).text()
    assert.match(await post('{'), /-32700/)
    assert.match(await post('[]'), /-32600/)
    assert.match(await post('{"jsonrpc":"2.0","id":1}'), /-32600/)
    assert.equal((await rpc(chain.rpc, 'eth_getBalance', 'nobody', 'latest')).error.code, -32602)
    assert.equal((await rpc(chain.rpc, 'eth_getBlockByNumber', '0xffffffffffff', false)).result, null)
    // The server may hang up before it has read all of what it will not take.
    const big = await fetch(chain.rpc, { method: 'POST', headers: { 'content-type': 'application/json' }, body: 'x'.repeat(3 << 20) })
      .then(async (answer) => `${answer.status} ${await answer.text()}`, (error) => `refused ${error.cause?.code}`)
    assert.match(big, /^413|-3200\d|too (big|large)|refused (EPIPE|ECONNRESET)/i)
    assert.ok(await must(chain.rpc, 'eth_chainId'))
  })

  it('a port in use is named, with what to do', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((done) => taken.on('listening', done))
    const { port } = taken.address()
    const { code, output } = await run(PLASMA, ['devnet', '--root-port', String(port), '--chain-port', '0'])
    assert.notEqual(code, 0)
    assert.match(output, new RegExp(`${port}`))
    assert.match(output, /in use/i)
    taken.close()
  })

  it('command lines', async () => {
    for (const [args, expected] of [
      [['devnet', '--challenge-window', '1500ms'], /whole seconds/],
      [['devnet', '--block-time', '3d'], /no unit of time/],
      [['devnet', '--root', 'ftp://nowhere'], /http\(s\)|ws\(s\)/],
      [['bridge', 'deposit', '--amount', '-1', '--config', devnet.file], /amount|unexpected/i],
      [['bridge', 'deposit', '--amount', '1', '--config', '/nowhere.json'], /--config/],
      [['node', '--config', '/nowhere.toml'], /nowhere/],
    ]) {
      const { code, output } = await run(PLASMA, args)
      assert.notEqual(code, 0, args.join(' '))
      assert.match(output, expected)
    }
  })
})

describe('a data directory', () => {
  it('survives restarts, and is refused in words when damaged', async () => {
    const data = mkdtempSync(join(tmpdir(), 'plasma-data-'))
    const options = ['--data', data, '--block-time', '50ms', '--challenge-window', '2s']
    let devnet = await launch(...options)
    let me = clients(devnet.chains[0], devnet, 0)
    const receipt = await done(me, me.wallet.sendTransaction({ to: devnet.accounts[1].address, value: 42n }))
    const balance = await me.open.getBalance({ address: devnet.accounts[1].address })
    assert.equal((await devnet.stop()).code, 0)

    devnet = await launch(...options)
    me = clients(devnet.chains[0], devnet, 0)
    assert.equal(await me.open.getBalance({ address: devnet.accounts[1].address }), balance)
    assert.equal((await me.open.getTransactionReceipt({ hash: receipt.transactionHash })).blockHash, receipt.blockHash)
    await done(me, me.wallet.sendTransaction({ to: devnet.accounts[1].address, value: 1n }))
    await devnet.stop()

    const other = await run(PLASMA, ['devnet', ...options, '--execution', 'evm', '--root-port', '0', '--chain-port', '0'])
    assert.notEqual(other.code, 0)
    assert.match(other.output, /--execution modules/)

    // A journal cut short: what it lacks is in the state and on the root, and the chain goes on.
    const journal = join(data, 'chain-4242', 'journal')
    const file = join(journal, readdirSync(journal).find((name) => name.endsWith('.journal')))
    truncateSync(file, Math.floor(statSync(file).size / 3))
    devnet = await launch(...options)
    me = clients(devnet.chains[0], devnet, 0)
    assert.equal(await me.open.getBalance({ address: devnet.accounts[1].address }), balance + 1n)
    await done(me, me.wallet.sendTransaction({ to: devnet.accounts[1].address, value: 1n }))
    await eventually('agreement', async () => (await plasma(devnet, 'verify')).code === 0)
    await devnet.stop()

    // Damage in the middle: that, no crash explains, and no guess is made.
    const bytes = readFileSync(file)
    bytes.fill(0xff, Math.floor(bytes.length / 3), Math.floor(bytes.length / 3) + 16)
    writeFileSync(file, bytes)
    const damaged = await run(PLASMA, ['devnet', ...options, '--root-port', '0', '--chain-port', '0'])
    assert.notEqual(damaged.code, 0)
    assert.match(damaged.output, /damaged at byte \d+/)
    assert.match(damaged.output, /restore/)
    rmSync(data, { recursive: true, force: true })
  })
})

describe('a root that goes away', () => {
  it('comes back, and nothing is lost', async () => {
    const state = mkdtempSync(join(tmpdir(), 'plasma-anvil-'))
    const file = join(state, 'state.json')
    let node = await anvil({ args: ['--state', file] })
    const port = new URL(node.url).port
    const devnet = await launch('--root', node.url, '--challenge-window', '2s', '--block-time', '100ms')
    const chain = devnet.chains[0]
    const me = clients(chain, devnet, 0)
    const settled = async (hash) => eventually(() => `${hash} to settle\n${devnet.log()}`, async () =>
      (await must(chain.rpc, 'plasma_explain', hash)).stage === 'settled', 90)
    await settled((await done(me, me.wallet.sendTransaction({ to: devnet.accounts[1].address, value: 1n }))).transactionHash)
    node.child.kill('SIGTERM')
    await node.child.ended
    // The chain goes on ordering without its root.
    const { transactionHash } = await done(me, me.wallet.sendTransaction({ to: devnet.accounts[1].address, value: 2n }))
    await sleep(1500)
    assert.equal((await must(chain.rpc, 'plasma_explain', transactionHash)).stage, 'sequenced')
    node = await anvil({ port, args: ['--state', file] })
    await settled(transactionHash)
    const { code, output } = await plasma(devnet, 'verify')
    assert.equal(code, 0, output)
    await devnet.stop()
    await node.stop()
    rmSync(state, { recursive: true, force: true })
  })

  it('reorganises, and the chain follows', async () => {
    const node = await anvil()
    const devnet = await launch('--root', node.url, '--challenge-window', '2s', '--block-time', '100ms')
    const chain = devnet.chains[0]
    const me = clients(chain, devnet, 0)
    const snapshot = await must(node.url, 'evm_snapshot')
    const { transactionHash } = await done(me, me.wallet.sendTransaction({ to: devnet.accounts[1].address, value: 3n }))
    await eventually('publication', async () =>
      (await must(chain.rpc, 'plasma_explain', transactionHash)).stage !== 'sequenced')
    // The root forgets the batch; the node publishes it again.
    await must(node.url, 'evm_revert', snapshot)
    await must(node.url, 'anvil_mine', '0x3')
    await eventually(() => `settlement after the reorganisation\n${devnet.log()}`, async () =>
      (await must(chain.rpc, 'plasma_explain', transactionHash)).stage === 'settled', 90)
    const { code, output } = await plasma(devnet, 'verify')
    assert.equal(code, 0, output)
    await devnet.stop()
    await node.stop()
  })
})
