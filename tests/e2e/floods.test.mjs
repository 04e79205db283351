// Floods through JSON-RPC: what is over a limit is refused in words, memory stays bounded, and what was taken is kept.
import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { clients, eventually, launch, must, rpc } from './devnet.mjs'

const MEGABYTE = 1 << 20

/** What the process has in memory, in bytes. */
const resident = ({ child }) => Number(readFileSync(`/proc/${child.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+) kB/)[1]) * 1024

describe('floods through JSON-RPC', { skip: process.platform !== 'linux' && 'memory is read from /proc' }, () => {
  let devnet, chain, me
  before(async () => {
    devnet = await launch('--execution', 'evm', '--sequencers', '4')
    chain = devnet.chains[0]
    me = clients(chain, devnet, 0)
  })
  after(() => devnet?.stop())

  it('one sender fills its share of the pool, and no more; others are served, and nothing that was taken is lost', async (test) => {
    const before = resident(devnet)
    const nonce = await me.open.getTransactionCount({ address: me.account.address })
    const data = `0x${'00'.repeat(100 * 1024)}`
    const sign = (nonce, data) => me.wallet.signTransaction({
      to: devnet.accounts[1].address, value: 1n, nonce, data, gas: 1_100_000n, type: 'eip1559', chainId: chain.chainId,
      maxFeePerGas: 10_000_000_000n, maxPriorityFeePerGas: 1n,
    })
    // All wait for the first one, which does not come yet.
    const taken = []
    const refusals = []
    for (let k = 1; k <= 80; k++) {
      const { result, error } = await rpc(chain.rpc, 'eth_sendRawTransaction', await sign(nonce + k, data))
      if (result) taken.push(result)
      else refusals.push(error.message)
    }
    assert.ok(taken.length >= 20 && taken.length * 100 * 1024 <= 4 * MEGABYTE, `${taken.length} were taken: ${refusals.at(-1)}`)
    for (const refusal of refusals) assert.match(refusal, /sender|limit|full/i)
    const you = clients(chain, devnet, 1)
    const other = await you.wallet.sendTransaction({ to: me.account.address, value: 1n })
    assert.equal((await you.open.waitForTransactionReceipt({ hash: other, timeout: 30_000 })).status, 'success')
    const first = await must(chain.rpc, 'eth_sendRawTransaction', await sign(nonce))
    for (const hash of [first, ...taken]) {
      await eventually(`a receipt of ${hash}`, () => must(chain.rpc, 'eth_getTransactionReceipt', hash))
    }
    const grown = Math.round((resident(devnet) - before) / MEGABYTE)
    test.diagnostic(`${taken.length} of 80 transactions of 100 KB were taken (${refusals[0]}); memory grew by ${grown} MB`)
    assert.ok(grown < 256, `memory grew by ${grown} MB`)
  })

  it('bytes that say nothing cost nothing that stays', async (test) => {
    const garbage = `0x02${'ff'.repeat(120 * 1024)}`
    const round = () => Promise.all(Array.from({ length: 20 }, () => rpc(chain.rpc, 'eth_sendRawTransaction', garbage)))
    // What the allocator keeps for the next request is there after the first few hundred.
    for (let k = 0; k < 25; k++) for (const { error } of await round()) assert.match(error.message, /malformed/i)
    const before = resident(devnet)
    for (let k = 0; k < 25; k++) await round()
    const grown = Math.round((resident(devnet) - before) / MEGABYTE)
    test.diagnostic(`500 transactions of 120 KB of garbage after as many; memory grew by ${grown} MB`)
    assert.ok(grown < 96, `memory grew by ${grown} MB`)
    assert.ok(await must(chain.rpc, 'eth_chainId'))
  })
})
