// Native module calls, signed as EIP-712 by a wallet's own code.
import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { signTypedData, SignTypedDataVersion } from '@metamask/eth-sig-util'
import { parseEther } from 'viem'
import { clients, eventually, launch, must, rpc } from './devnet.mjs'

const zero = '0x0000000000000000000000000000000000000000'

describe('native calls', () => {
  let devnet, chain, me, you
  before(async () => {
    devnet = await launch('--block-time', '100ms')
    chain = devnet.chains[0]
    me = clients(chain, devnet, 0)
    you = clients(chain, devnet, 1)
  })
  after(() => devnet?.stop())

  const typed = (amount, options = {}) =>
    must(chain.rpc, 'plasma_typedData', 'bank',
      { function: 'transfer', args: [zero, you.account.address, String(amount)] }, me.account.address, options)
  const sign = (data, index = 0) => signTypedData({
    privateKey: Buffer.from(devnet.accounts[index].privateKey.slice(2), 'hex'),
    data,
    version: SignTypedDataVersion.V4,
  })
  const receipt = (hash) => eventually('a receipt', () => must(chain.rpc, 'eth_getTransactionReceipt', hash))

  it('the typed data names the chain, the module and the genesis', async () => {
    const data = await typed(1n)
    const info = await must(chain.rpc, 'plasma_info')
    assert.equal(data.primaryType, 'Transfer')
    assert.equal(BigInt(data.domain.chainId), BigInt(await must(chain.rpc, 'eth_chainId')))
    assert.equal(data.message.genesis_hash, info.genesisHash)
    for (const field of ['nonce', 'expires_at', 'max_fee']) assert.ok(field in data.message, field)
  })

  it('a signed call is accepted and does what it says', async () => {
    const before = await you.open.getBalance({ address: you.account.address })
    const data = await typed(parseEther('2'))
    const hash = await must(chain.rpc, 'plasma_sendTypedData', data, sign(data))
    assert.equal((await receipt(hash)).status, '0x1')
    assert.equal(await you.open.getBalance({ address: you.account.address }), before + parseEther('2'))
    const transaction = await must(chain.rpc, 'eth_getTransactionByHash', hash)
    assert.equal(transaction.from.toLowerCase(), me.account.address.toLowerCase())
  })

  it('many are in flight at once, in any order', async () => {
    const first = await typed(1n)
    const base = Number(first.message.nonce)
    const nonces = [4, 2, 0, 3, 1].map((k) => base + k)
    const hashes = []
    for (const nonce of nonces) {
      const data = await typed(1n, { nonce })
      hashes.push(await must(chain.rpc, 'plasma_sendTypedData', data, sign(data)))
    }
    for (const hash of hashes) assert.equal((await receipt(hash)).status, '0x1')
  })

  it('tampered, replayed, expired and foreign ones are refused in words', async () => {
    const refused = async (data, signature, expected) => {
      const { error } = await rpc(chain.rpc, 'plasma_sendTypedData', data, signature)
      assert.ok(error, `${expected} was accepted`)
      assert.match(error.message, expected)
    }
    const data = await typed(parseEther('1'))
    const signature = sign(data)
    // A changed amount is signed by nobody who has funds.
    const more = structuredClone(data)
    more.message.amount = String(parseEther('9'))
    await refused(more, signature, /insufficient funds|signature/i)
    // Another chain and another genesis make another digest.
    const chainTwo = structuredClone(data)
    chainTwo.domain.chainId = 1
    await refused(chainTwo, sign(chainTwo), /chain/i)
    const genesisTwo = structuredClone(data)
    genesisTwo.message.genesis_hash = `0x${'11'.repeat(32)}`
    await refused(genesisTwo, sign(genesisTwo), /genesis/i)
    const old = await typed(1n, { expiresAt: 1 })
    await refused(old, sign(old), /expired/i)
    // What would fail is not even offered for signing.
    const { error } = await rpc(chain.rpc, 'plasma_typedData', 'bank',
      { function: 'transfer', args: [zero, you.account.address, String(parseEther('1000000'))] }, me.account.address)
    assert.match(error.message, /InsufficientBalance/)
    const accepted = await must(chain.rpc, 'plasma_sendTypedData', data, signature)
    await receipt(accepted)
    await refused(data, signature, /nonce too low|already known/i)
  })

  it('modules tell their schema and answer queries', async () => {
    const schema = JSON.stringify(await must(chain.rpc, 'plasma_schema'))
    for (const word of ['bank', 'fees', 'bridge', 'transfer', 'withdraw']) assert.ok(schema.includes(word), word)
  })
})
