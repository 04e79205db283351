// Deposits and withdrawals over the embedded root and over anvil, to the wei.
import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { encodeFunctionData, parseAbi, parseEther } from 'viem'
import { anvil, artifact, clients, done, erc20, eventually, launch, must, plasma } from './devnet.mjs'

const zero = '0x0000000000000000000000000000000000000000'
const l2Bridge = '0x0000000000000000000000000000000000706C61'
const bridge = parseAbi([
  'function balance(uint64 chainId, address token) view returns (uint256)',
  'function withdraw(address asset, address recipient, uint256 amount) payable',
  'function tokenOf(address asset) view returns (address)',
])
const bank = parseAbi([
  'function transfer(address asset, address to, uint256 amount)',
  'function balanceOf(address asset, address account) view returns (uint256)',
])

for (const [outside, execution] of [[false, 'modules'], [false, 'evm'], [true, 'modules']]) {
  describe(`bridge: ${execution} over ${outside ? 'anvil' : 'the embedded root'}`, () => {
    let node, devnet, chain, me, root, token, modules
    before(async () => {
      node = outside ? await anvil() : undefined
      devnet = await launch('--execution', execution, '--challenge-window', '2s', '--block-time', '100ms',
        ...(node ? ['--root', node.url] : []))
      chain = devnet.chains[0]
      me = clients(chain, devnet, 0)
      root = clients(devnet.root, devnet, 0)
      modules = execution === 'modules' ? (await must(chain.rpc, 'plasma_schema')).modules : {}
      const { abi, bytecode } = artifact('TestToken')
      const receipt = await done(root, root.wallet.deployContract({ abi, bytecode, args: ['Test', 'TST', 18, parseEther('1000')] }))
      token = receipt.contractAddress
    })
    after(async () => { await devnet?.stop(); await node?.stop() })

    const read = (clients, address, abi, functionName, args) => clients.open.readContract({ address, abi, functionName, args })
    const escrow = (asset) =>
      read(root, devnet.root.contracts.bridge, bridge, 'balance', [BigInt(chain.chainId), asset])
    const onRoot = (asset, who = me.account.address) => read(root, asset, erc20, 'balanceOf', [who])
    const onChain = async (asset, who = me.account.address) => {
      if (asset === devnet.root.contracts.xpl) return me.open.getBalance({ address: who })
      if (execution === 'modules') return read(me, modules.bank.address, bank, 'balanceOf', [asset, who])
      const bridged = await read(me, l2Bridge, bridge, 'tokenOf', [asset])
      const there = await me.open.getCode({ address: bridged })
      return there === undefined ? 0n : read(me, bridged, erc20, 'balanceOf', [who])
    }
    const command = async (...args) => {
      const { code, output } = await plasma(devnet, 'bridge', ...args)
      assert.equal(code, 0, `${output}\n${devnet.log()}`)
      return output
    }

    for (const asset of ['XPL', 'an ERC-20']) {
      it(`${asset}: deposit, use, withdraw, receive`, async () => {
        const address = asset === 'XPL' ? devnet.root.contracts.xpl : token
        const flag = asset === 'XPL' ? [] : ['--token', token]
        const [rootBefore, chainBefore, escrowBefore] = [await onRoot(address), await onChain(address), await escrow(address)]
        await command('deposit', '--amount', '12.5', ...flag)
        const deposited = parseEther('12.5')
        assert.equal(await onRoot(address), rootBefore - deposited)
        assert.equal(await escrow(address), escrowBefore + deposited)
        assert.equal(await onChain(address), chainBefore + deposited)

        // Used on the chain: a transfer, whose fee is in XPL.
        const friend = devnet.accounts[5].address
        const theirs = await onChain(address, friend)
        let transfer
        if (asset === 'XPL') transfer = me.wallet.sendTransaction({ to: friend, value: parseEther('0.5') })
        else if (execution === 'modules') {
          transfer = me.wallet.writeContract({ address: modules.bank.address, abi: bank, functionName: 'transfer', args: [token, friend, parseEther('0.5')] })
        } else {
          const bridged = await read(me, l2Bridge, bridge, 'tokenOf', [token])
          transfer = me.wallet.writeContract({ address: bridged, abi: erc20, functionName: 'transfer', args: [friend, parseEther('0.5')] })
        }
        const receipt = await done(me, transfer)
        // A plain transfer of the chain's own coin has no events, as on Ethereum.
        assert.equal(receipt.logs.length, asset === 'XPL' ? 0 : 1, JSON.stringify(receipt, (_, v) => typeof v === 'bigint' ? `${v}` : v))
        assert.equal(await onChain(address, friend), theirs + parseEther('0.5'))

        const output = await command('withdraw', '--amount', '10', ...flag)
        assert.match(output, /paid on the root/)
        assert.equal(await onRoot(address), rootBefore - deposited + parseEther('10'))
        assert.equal(await escrow(address), escrowBefore + deposited - parseEther('10'))
        const message = output.match(/message (0x[0-9a-f]{64})/)[1]
        assert.match(await command('status', message), /settled/)
        assert.match(await command('finalize', message), /paid already/)
      })
    }

    it('each step is explained, and becomes final', async () => {
      const hash = await me.wallet.sendTransaction({ to: devnet.accounts[6].address, value: 1n })
      const stages = new Set()
      await eventually('settlement', async () => {
        const explained = await must(chain.rpc, 'plasma_explain', hash)
        stages.add(explained.stage)
        return explained.stage === 'settled'
      })
      assert.ok(stages.has('settled'))
      const { blockNumber } = await must(chain.rpc, 'eth_getTransactionReceipt', hash)
      const finalized = await must(chain.rpc, 'eth_getBlockByNumber', 'finalized', false)
      assert.ok(BigInt(finalized.number) >= BigInt(blockNumber))
      const { code, output } = await plasma(devnet, 'explain', hash)
      assert.equal(code, 0, output)
      assert.match(output, /settled/)
    })

    it('a verifier on an empty disk derives the same blocks', async () => {
      const { code, output } = await plasma(devnet, 'verify')
      assert.equal(code, 0, output)
      assert.match(output, /all block hashes and state roots are equal/)
    })
  })
}

describe('forced inclusion', () => {
  let devnet, chain, me
  before(async () => {
    devnet = await launch('--ignore-messages', '--forced-delay', '3s', '--challenge-window', '2s', '--block-time', '100ms')
    chain = devnet.chains[0]
    me = clients(chain, devnet, 0)
  })
  after(() => devnet?.stop())

  it('a transaction is executed by its deadline while the sequencer refuses it', async () => {
    const friend = '0x00000000000000000000000000000000000f0ced'
    // Some ordered traffic first, and some between, which must survive the forced block.
    await done(me, me.wallet.sendTransaction({ to: friend, value: 1n }))
    const forced = await clients(chain, devnet, 7).wallet
    const request = await forced.prepareTransactionRequest({ to: friend, value: 5n, nonce: 0 })
    const raw = await forced.signTransaction(request)
    const { code, output } = await plasma(devnet, 'bridge', 'force', raw)
    assert.equal(code, 0, output)
    const hash = output.match(/transaction (0x[0-9a-f]{64})/)[1]
    const deadline = Number(output.match(/by (\d+)/)[1])
    const others = []
    const receipt = await eventually('the forced transaction', async () => {
      others.push(await me.wallet.sendTransaction({ to: friend, value: 1n }))
      return must(chain.rpc, 'eth_getTransactionReceipt', hash)
    }, 40)
    assert.equal(receipt.status, '0x1')
    const block = await must(chain.rpc, 'eth_getBlockByHash', receipt.blockHash, false)
    assert.ok(Number(block.timestamp) <= deadline + 5, `${Number(block.timestamp)} after ${deadline}`)
    for (const other of others) await eventually('the others', () => must(chain.rpc, 'eth_getTransactionReceipt', other))
    assert.equal(await me.open.getBalance({ address: friend }), BigInt(6 + others.length))
    const verified = await eventually('agreement', async () => {
      const { code, output } = await plasma(devnet, 'verify')
      return code === 0 && output
    })
    assert.match(verified, /equal/)
  })
})
