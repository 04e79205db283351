// What tests of a committee do with it.
import assert from 'node:assert/strict'
import { clients, eventually, must, sleep } from './devnet.mjs'

/** Transfers of one account after another, to whichever member is up, until all are in blocks. */
export class Load {
  constructor(devnet, chain, urls) {
    Object.assign(this, { devnet, chain, urls, hashes: [], running: true, failures: 0 })
    this.ended = Promise.all([0, 1, 2].map((account) => this.run(account)))
  }
  async run(account) {
    const client = clients(this.chain, this.devnet, account)
    for (let nonce = await client.open.getTransactionCount({ address: client.account.address }); this.running; nonce++) {
      const raw = await client.wallet.signTransaction({
        to: this.devnet.accounts[9].address, value: 1n, nonce, gas: 50_000n, type: 'eip1559', chainId: this.chain.chainId,
        maxFeePerGas: 10_000_000_000n, maxPriorityFeePerGas: 1n,
      })
      for (let turn = nonce; ; turn++) {
        const url = this.urls()[turn % this.urls().length]
        try {
          const sent = must(url, 'eth_sendRawTransaction', raw)
          const late = sleep(3_000).then(() => { throw new Error('no answer') })
          sent.catch(() => {})
          late.catch(() => {})
          this.hashes.push(await Promise.race([sent, late]))
          break
        } catch (error) {
          if (/already known/.test(error)) break
          this.failures++
          await sleep(100)
        }
      }
      await sleep(30)
    }
  }
  async stop() { this.running = false; await this.ended }
}

export const block = (url, number = 'latest') => must(url, 'eth_getBlockByNumber', number, false)
export const height = async (url) => Number(await must(url, 'eth_blockNumber'))

/** Waits until all have block `at`, and compares. */
export async function agree(urls, at) {
  for (const url of urls) await eventually(`block ${at} at ${url}`, async () => await height(url) >= at, 60)
  const blocks = await Promise.all(urls.map((url) => block(url, `0x${at.toString(16)}`)))
  for (const one of blocks) assert.deepEqual([one.hash, one.stateRoot], [blocks[0].hash, blocks[0].stateRoot])
}

/** Every transaction that was taken is in a block, at each of these nodes in the same one. */
export async function included(hashes, urls) {
  let last = 0
  for (const hash of hashes) {
    const receipt = await eventually(hash, () => must(urls[0], 'eth_getTransactionReceipt', hash), 60)
    last = Math.max(last, Number(receipt.blockNumber))
  }
  await agree(urls, last)
  return last
}
