// A chain of contracts in WebAssembly: a wallet's library deploys the example token, and uses it as any ERC-20.
import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bytesToHex, concat, encodeAbiParameters, numberToHex, size } from 'viem'
import { clients, done, erc20, launch, plasma, root } from './devnet.mjs'

describe('a chain of contracts in WebAssembly', () => {
  let devnet, me
  before(async () => {
    devnet = await launch('--execution', 'wasm', '--challenge-window', '2s')
    me = clients(devnet.chains[0], devnet, 0)
  })
  after(() => devnet?.stop())

  it('deploys the example token, and moves it', async () => {
    const module = bytesToHex(readFileSync(join(root, 'examples/contracts/artifacts/token.wasm')))
    const supply = encodeAbiParameters([{ type: 'uint256' }], [10n ** 24n])
    const data = concat([numberToHex(size(module), { size: 4 }), module, supply])
    const { contractAddress: address } = await done(me, me.wallet.sendTransaction({ data, gas: 4_000_000n }))
    const balance = (of) => me.open.readContract({ address, abi: erc20, functionName: 'balanceOf', args: [of] })
    assert.equal(await balance(me.account.address), 10n ** 24n)
    const to = devnet.accounts[1].address
    const receipt = await done(me, me.wallet.writeContract({ address, abi: erc20, functionName: 'transfer', args: [to, 7n] }))
    assert.equal(receipt.logs.length, 1)
    assert.equal(await balance(to), 7n)
  })

  it('what is no module is refused with a receipt', async () => {
    const hash = await me.wallet.sendTransaction({ data: '0x0061736d01000000ff', gas: 3_000_000n })
    const receipt = await me.open.waitForTransactionReceipt({ hash, timeout: 30_000 })
    assert.equal(receipt.status, 'reverted')
  })

  it('deposits, withdrawals and verification are those of other chains', async () => {
    for (const [args, expected] of [
      [['bridge', 'deposit', '--amount', '3'], /credited/],
      [['bridge', 'withdraw', '--amount', '1'], /paid on the root/],
      [['verify'], /all block hashes and state roots are equal/],
    ]) {
      const { code, output } = await plasma(devnet, ...args)
      assert.equal(code, 0, output)
      assert.match(output, expected)
    }
  })
})
