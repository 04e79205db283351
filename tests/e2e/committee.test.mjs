// A committee of sequencers: each in a process of its own, or all in one; killed, parted, lying and replaced.
import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseAbi } from 'viem'
import { Load, block, height, included } from './committee.mjs'
import { clients, done, erc20, eventually, launch, must, plasma, PLASMA, sleep, start } from './devnet.mjs'

/** A way from one member to another that can be cut. */
async function way(port) {
  const open = new Set()
  let cut = false
  const server = net.createServer((from) => {
    if (cut) return from.destroy()
    const to = net.connect(port, '127.0.0.1')
    for (const [one, other] of [[from, to], [to, from]]) {
      open.add(one)
      one.on('error', () => {}).on('close', () => { open.delete(one); other.destroy() })
      one.pipe(other)
    }
  })
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready))
  return {
    address: `127.0.0.1:${server.address().port}`,
    cut(yes) { cut = yes; if (yes) for (const socket of open) socket.destroy() },
    close() { this.cut(true); server.close() },
  }
}

describe('four sequencers, each in a process of its own', () => {
  let folder, devnet, chain, last
  const nodes = [], ways = []
  const urls = () => nodes.filter((node) => node.up).map((node) => node.url)
  const open = async (number) => {
    const node = nodes[number]
    node.child = start(PLASMA, ['node', '--config', node.file])
    node.up = await eventually(() => `sequencer ${number}: ${node.child.output}`, () => / at http/.test(node.child.output), 60)
  }
  const kill = async (number, signal = 'SIGKILL') => {
    nodes[number].up = false
    nodes[number].child.kill(signal)
    return nodes[number].child.ended
  }
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'plasma-committee-'))
    devnet = await launch('--sequencers', '4', '--processes', folder, '--block-time', '100ms', '--silence', '3s')
    chain = devnet.chains[0]
    const sequencers = chain.sequencers
    for (const [number, sequencer] of sequencers.entries()) {
      const file = join(folder, `chain-${chain.chainId}`, `sequencer-${number}`, 'node.toml')
      let text = readFileSync(file, 'utf8')
      // To each of the others by a way of its own.
      const [mine, ...rest] = text.split('[sequencer.peers]')
      let peers = rest.join('')
      for (const [other, { peer }] of sequencers.entries()) {
        if (other === number) continue
        const path = await way(Number(peer.split(':')[1]))
        ways.push({ from: number, to: other, path })
        peers = peers.replace(peer, path.address)
      }
      writeFileSync(file, `${mine}[sequencer.peers]${peers}`)
      nodes.push({ file, url: sequencer.rpc })
    }
    for (const number of nodes.keys()) await open(number)
  })
  after(async () => {
    for (const [number, node] of nodes.entries()) if (node.child) await kill(number)
    for (const { path } of ways) path.close()
    await devnet?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('kill -9 and restart under load: nothing that was taken is lost, and who was away catches up', async () => {
    const load = new Load(devnet, chain, urls)
    await eventually('blocks', async () => await height(nodes[0].url) >= 5)
    for (const victim of [3, 1]) {
      await kill(victim)
      const before = await height(nodes[0].url)
      await eventually('blocks of three', async () => await height(nodes[0].url) >= before + 5)
      // What it alone had published is gone: the others make the bytes again from their blocks.
      rmSync(join(nodes[victim].file, '..', 'data', 'da'), { recursive: true, force: true })
      await open(victim)
      await eventually('the one that was away', async () => await height(nodes[victim].url) >= before + 5)
    }
    await load.stop()
    last = await included(load.hashes, urls())
    console.log(`${load.hashes.length} transactions in ${last} blocks, ${load.failures} refused while members were away`)
    for (const node of nodes) {
      const view = await must(node.url, 'plasma_committee')
      assert.deepEqual([view.accused, view.diverged, view.failure], [[], null, null])
    }
  })

  it('a partition stops it, and it goes on when that heals', async () => {
    const load = new Load(devnet, chain, urls)
    const apart = ways.filter(({ from, to }) => (from < 2) !== (to < 2))
    await eventually('a block', async () => (await block(nodes[0].url)).transactions.length > 0)
    for (const { path } of apart) path.cut(true)
    await sleep(1_000)
    const [one, other] = [await height(nodes[0].url), await height(nodes[3].url)]
    await sleep(3_000)
    assert.ok(await height(nodes[0].url) <= one + 1 && await height(nodes[3].url) <= other + 1, 'no half is a quorum')
    for (const { path } of apart) path.cut(false)
    const before = await height(nodes[0].url)
    await eventually('blocks after it', async () => await height(nodes[0].url) >= before + 5)
    await load.stop()
    last = await included(load.hashes, urls())
  })

  it('without a quorum it goes on through the root, and the committee resumes by itself', async () => {
    await kill(2)
    await kill(3)
    const began = Date.now()
    const me = clients({ ...chain, rpc: nodes[0].url }, devnet, 6)
    const sent = []
    for (let count = 0; count < 3; count++) {
      sent.push(await me.wallet.sendTransaction({ to: devnet.accounts[1].address, value: 7n, nonce: count, gas: 50_000n }))
    }
    const at = await included(sent, urls())
    await eventually('nobody certified it: the root has it', async () => Number((await block(nodes[0].url, 'safe')).number) >= at)
    console.log(`without a quorum, 3 transactions were in block ${at} after ${Date.now() - began} ms, at a silence of 3 s`)
    await open(2)
    await open(3)
    const load = new Load(devnet, chain, urls)
    await eventually('blocks of the committee', async () => (await must(nodes[1].url, 'plasma_committee')).height >= at + 5)
    await load.stop()
    last = await included([...sent, ...load.hashes], urls())
  })

  it('what they certify is published, and a fresh verifier derives the same', async () => {
    await eventually('what is published', async () => Number((await block(nodes[0].url, 'safe')).number) >= last)
    const { code, output } = await plasma(devnet, 'verify', '--rpc', nodes[2].url)
    assert.equal(code, 0, output)
    assert.match(output, /all block hashes and state roots are equal/)
  })
})

const registry = parseAbi(['event DoubleVoted(address indexed operator, address indexed key, uint64 indexed epoch, uint64 chainId, uint64 height, uint32 round, uint256 lost)'])
const stakes = parseAbi(['function delegate(address operator, uint256 amount) returns (uint256)'])

describe('a committee that the root elects', () => {
  it('who votes for two blocks is found out, reported, slashed and not elected again; tips get to the root', async () => {
    const devnet = await launch('--sequencers', '4', '--epoch', '8s', '--fault', 'equivocate@3', '--block-time', '100ms', '--challenge-window', '2s')
    try {
      const chain = devnet.chains[0]
      const [first, , , liar] = chain.sequencers
      const load = new Load(devnet, chain, () => [first.rpc])
      const root = clients({ rpc: devnet.root.rpc, chainId: devnet.root.chainId }, devnet, 0)
      // As if it were of tips, which take longer to add up.
      const me = clients(chain, devnet, 7)
      await done(me, me.wallet.sendTransaction({ to: first.key, value: 5n * 10n ** 18n }))
      const paid = () => root.open.readContract({ address: devnet.root.contracts.xpl, abi: erc20, functionName: 'balanceOf', args: [first.key] })
      const before = await paid()
      const [event] = await eventually('the report', async () => {
        const events = await root.open.getLogs({ address: devnet.root.contracts.network.registry, event: registry[0], fromBlock: 0n })
        return events.length && events
      })
      assert.equal(event.args.key.toLowerCase(), liar.key.toLowerCase())
      assert.ok(event.args.lost > 0n)
      const view = await eventually('the next epoch', async () => {
        const view = await must(first.rpc, 'plasma_committee')
        return view.epoch >= 1 && view
      })
      assert.deepEqual(view.accused.map((key) => key.toLowerCase()), [liar.key.toLowerCase()])
      assert.ok(!view.seats.some((seat) => seat.key.toLowerCase() === liar.key.toLowerCase()))
      await load.stop()
      await included(load.hashes, chain.sequencers.map(({ rpc }) => rpc))
      const events = await root.open.getLogs({ address: devnet.root.contracts.network.registry, event: registry[0], fromBlock: 0n })
      assert.equal(events.length, 1, 'once')
      await eventually('tips on the root', async () => await paid() > before + 49n * 10n ** 17n)
    } finally {
      await devnet.stop()
    }
  })

  it('half of the seats are replaced under load, and no block is missed', async () => {
    const devnet = await launch('--sequencers', '6', '--seats', '4', '--epoch', '8s', '--block-time', '100ms')
    try {
      const chain = devnet.chains[0]
      const all = chain.sequencers.map(({ rpc }) => rpc)
      const seats = async () => (await must(all[0], 'plasma_committee')).seats.map(({ key }) => key.toLowerCase())
      const before = await seats()
      assert.equal(before.length, 4)
      const load = new Load(devnet, chain, () => all)
      // Two that have no seat get the most stake.
      const root = clients({ rpc: devnet.root.rpc, chainId: devnet.root.chainId }, devnet, 5)
      const { xpl, network } = devnet.root.contracts
      const outside = chain.sequencers.map(({ key }) => key).filter((key) => !before.includes(key.toLowerCase()))
      await done(root, root.wallet.writeContract({ address: xpl, abi: erc20, functionName: 'approve', args: [network.stakes, 10n ** 24n] }))
      for (const operator of outside) {
        await done(root, root.wallet.writeContract({
          address: network.stakes, abi: stakes, functionName: 'delegate', args: [operator, 10n ** 23n] }))
      }
      const after = await eventually('the other committee', async () => {
        const now = await seats()
        return outside.every((key) => now.includes(key.toLowerCase())) && now
      })
      assert.equal(after.filter((key) => before.includes(key)).length, 2, 'half of them stay')
      const at = await height(all[0])
      await eventually('blocks of the new one', async () => await height(all[0]) >= at + 20)
      await load.stop()
      const last = await included(load.hashes, all)
      let [longest, previous] = [0, 0]
      for (let number = 5; number <= last; number++) {
        const { timestampMillis, timestamp } = await block(all[0], `0x${number.toString(16)}`)
        const time = Number(timestampMillis ?? BigInt(timestamp) * 1000n)
        if (previous) longest = Math.max(longest, time - previous)
        previous = time
      }
      console.log(`${last} blocks, ${load.hashes.length} transactions; the longest pause was ${longest} ms`)
      // Blocks show whole seconds here; a round that failed would take longer, on the slowest machine as well.
      assert.ok(longest <= 5_000, `a pause of ${longest} ms`)
    } finally {
      await devnet.stop()
    }
  })
})
