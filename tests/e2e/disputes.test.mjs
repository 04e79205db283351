// False claims, beaten down to one instruction of the machine, while the node goes on.
import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { parseAbi, parseEther } from 'viem'
import { anvil, artifact, clients, done, erc20, eventually, launch, must, plasma } from './devnet.mjs'

const tournament = parseAbi([
  'function burned() view returns (uint256)',
  'function settled(uint64 chainId) view returns ((bytes32 checkpointHash, bytes32 outboxRoot, uint64 entries, uint64 height, uint64 settledAt))',
])

for (const [outside, execution, fault] of [[false, 'modules', 'wrong-root@1'], [true, 'evm', 'wrong-root@1'], [false, 'modules', 'stalled@1']]) {
  const over = outside ? 'anvil' : 'the embedded root'
  describe(`a false claim: ${fault}, ${execution} over ${over}`, () => {
    it('is beaten, and what is true settles and pays', async () => {
      const node = outside ? await anvil() : undefined
      const devnet = await launch('--execution', execution, '--block-time', '100ms', '--challenge-window', '30s', '--fault', fault, '-v',
        ...(node ? ['--root', node.url] : []))
      try {
        const chain = devnet.chains[0]
        const me = clients(chain, devnet, 0)
        const root = clients(devnet.root, devnet, 0)
        const started = Date.now()
        if (execution === 'evm') {
          // The lie is about a block with a call in it.
          const { abi, bytecode } = artifact('TestToken')
          const { contractAddress: address } = await done(me, me.wallet.deployContract({ abi, bytecode, args: ['Test', 'TST', 18, parseEther('10')] }))
          await done(me, me.wallet.writeContract({ address, abi: erc20, functionName: 'transfer', args: [devnet.accounts[3].address, 1n] }))
        } else {
          await done(me, me.wallet.sendTransaction({ to: devnet.accounts[3].address, value: 1n }))
        }
        const before = await root.open.readContract({ address: devnet.root.contracts.xpl, abi: erc20, functionName: 'balanceOf', args: [me.account.address] })
        const { code, output } = await plasma(devnet, 'bridge', 'withdraw', '--amount', '3')
        assert.equal(code, 0, `${output}\n${devnet.log()}`)
        assert.match(output, /paid on the root/)
        const after = await root.open.readContract({ address: devnet.root.contracts.xpl, abi: erc20, functionName: 'balanceOf', args: [me.account.address] })
        assert.equal(after - before, parseEther('3'))
        const burned = await eventually('the liar\'s bond', () =>
          root.open.readContract({ address: devnet.root.contracts.tournament, abi: tournament, functionName: 'burned' }))
        assert.ok(burned > 0n)
        const { height } = await root.open.readContract({
          address: devnet.root.contracts.tournament, abi: tournament, functionName: 'settled', args: [BigInt(chain.chainId)] })
        const block = await must(chain.rpc, 'eth_getBlockByNumber', 'finalized', false)
        assert.ok(BigInt(block.number) >= height)
        const moves = devnet.log().match(/moved on the root action="?([a-z-]+)"? gas=(\d+)/g) ?? []
        const of = (name) => moves.filter((line) => line.includes(name)).length
        if (fault.startsWith('wrong-root')) {
          for (const name of ['seal-inner', 'join-inner', 'seal-leaf', 'step', 'resolve-inner']) assert.ok(of(name) > 0, `${name}\n${devnet.log()}`)
        } else {
          assert.ok(of('timeout') > 0, devnet.log())
        }
        console.log(`${fault}: ${moves.length} moves in ${Date.now() - started} ms: ${[...new Set(moves.map((line) => line.replace(/.*action="?([a-z-]+)"? gas=(\d+)/, '$1 $2')))].join(', ')}`)
        const verified = await plasma(devnet, 'verify')
        assert.equal(verified.code, 0, verified.output)
      } finally {
        await devnet.stop()
        await node?.stop()
      }
    })
  })
}
