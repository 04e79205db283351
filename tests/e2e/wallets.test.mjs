// Wallet libraries against a fresh devnet, on both kinds of execution.
import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { createPublicClient, encodeDeployData, getContractAddress, parseEther, webSocket } from 'viem'
import { Contract, ContractFactory, JsonRpcProvider, Wallet, WebSocketProvider } from 'ethers'
import { clients, done, eventually, foundry, launch, must, rpc, run } from './devnet.mjs'

const uniswap = (name) => createRequire(import.meta.url)(`@uniswap/v2-core/build/${name}.json`)

for (const execution of ['modules', 'evm']) {
  describe(`wallets on ${execution}`, () => {
    let devnet, chain, me, you
    before(async () => {
      devnet = await launch('--execution', execution, '--block-time', '100ms')
      chain = devnet.chains[0]
      me = clients(chain, devnet, 0)
      you = clients(chain, devnet, 1)
    })
    after(() => devnet?.stop())

    it('viem: connect, balances, fees, transfer, receipt', async () => {
      assert.equal(await me.open.getChainId(), chain.chainId)
      const before = await me.open.getBalance({ address: me.account.address })
      const theirs = await you.open.getBalance({ address: you.account.address })
      assert.ok(before > parseEther('9000'))
      const fees = await me.open.estimateFeesPerGas()
      assert.ok(fees.maxFeePerGas > 0n)
      assert.equal(
        await me.open.estimateGas({ account: me.account, to: you.account.address, value: 1n }), 21_000n)
      const value = parseEther('1.5')
      const receipt = await done(me, me.wallet.sendTransaction({ to: you.account.address, value }))
      assert.equal(receipt.gasUsed, 21_000n)
      const fee = receipt.gasUsed * receipt.effectiveGasPrice
      assert.equal(await me.open.getBalance({ address: me.account.address }), before - value - fee)
      assert.equal(await me.open.getBalance({ address: you.account.address }), theirs + value)
      const transaction = await me.open.getTransaction({ hash: receipt.transactionHash })
      assert.equal(transaction.from.toLowerCase(), me.account.address.toLowerCase())
      assert.equal(transaction.value, value)
      const block = await me.open.getBlock({ blockHash: receipt.blockHash, includeTransactions: true })
      assert.equal(block.transactions[receipt.transactionIndex].hash, receipt.transactionHash)
      const history = await me.open.getFeeHistory({ blockCount: 4, rewardPercentiles: [25, 75] })
      assert.ok(history.baseFeePerGas.length >= 1)
    })

    it('viem: many transactions of one account in flight', async () => {
      const nonce = await me.open.getTransactionCount({ address: me.account.address })
      const sent = await Promise.all(Array.from({ length: 20 }, (_, k) =>
        me.wallet.sendTransaction({ to: you.account.address, value: 1n, nonce: nonce + k, gas: 21_000n })))
      const receipts = await Promise.all(sent.map((hash) => done(me, hash)))
      assert.equal(receipts.length, 20)
      assert.equal(await me.open.getTransactionCount({ address: me.account.address }), nonce + 20)
    })

    it('viem: subscribe to heads over the same port', async () => {
      // Closing it races with its own unsubscription: a socket opened for that must not live on.
      const transport = webSocket(chain.rpc.replace('http', 'ws'), { keepAlive: false, reconnect: false })
      const live = createPublicClient({ transport })
      const heads = []
      const unwatch = live.watchBlocks({ onBlock: (block) => heads.push(block.number) })
      await eventually('a subscription', async () => {
        await done(you, you.wallet.sendTransaction({ to: me.account.address, value: 1n }))
        return heads.length >= 2
      })
      unwatch()
      assert.deepEqual([...heads].sort((a, b) => Number(a - b)), heads)
      const client = await transport({}).value?.getRpcClient?.()
      client?.close()
    })

    it('ethers: connect, balance, transfer, wait, logs, subscribe', async () => {
      const provider = new JsonRpcProvider(chain.rpc, undefined, { pollingInterval: 50, cacheTimeout: -1 })
      const wallet = new Wallet(devnet.accounts[2].privateKey, provider)
      assert.equal((await provider.getNetwork()).chainId, BigInt(chain.chainId))
      const sent = await wallet.sendTransaction({ to: me.account.address, value: 7n })
      const receipt = await sent.wait()
      assert.equal(receipt.status, 1)
      const block = await provider.getBlock(receipt.blockNumber, true)
      assert.ok(block.prefetchedTransactions.some((transaction) => transaction.hash === sent.hash))
      assert.ok(Array.isArray(await provider.getLogs({ fromBlock: 0, toBlock: 'latest' })))
      for (const tag of ['safe', 'finalized', 'earliest', 'pending']) assert.ok(await provider.getBlock(tag), tag)
      const live = new WebSocketProvider(chain.rpc.replace('http', 'ws'))
      const heads = []
      await live.on('block', (number) => heads.push(number))
      await eventually('a block event', async () => {
        await (await wallet.sendTransaction({ to: me.account.address, value: 1n })).wait()
        return heads.length > 0
      })
      await live.destroy()
      provider.destroy()
    })

    it('cast: chain id, balance, send, receipt', async () => {
      const cast = async (...args) => {
        const { code, output } = await run(foundry('cast'), [...args, '--rpc-url', chain.rpc])
        assert.equal(code, 0, output)
        return output.trim()
      }
      assert.equal(await cast('chain-id'), String(chain.chainId))
      assert.ok(BigInt(await cast('balance', devnet.accounts[3].address)) > 0n)
      const sent = JSON.parse(await cast('send', me.account.address, '--value', '3', '--json',
        '--private-key', devnet.accounts[3].privateKey))
      assert.equal(BigInt(sent.status), 1n)
      assert.match(await cast('receipt', sent.transactionHash), /status\s+1/)
      assert.match(await cast('block', 'latest'), /baseFeePerGas/)
      assert.match(await cast('client'), /plasma/)
    })

    it('answers what wallets ask, and -32601 to the unknown', async () => {
      assert.deepEqual(await must(chain.rpc, 'eth_accounts'), [])
      assert.equal(await must(chain.rpc, 'eth_syncing'), false)
      assert.equal(await must(chain.rpc, 'net_version'), String(chain.chainId))
      assert.match(await must(chain.rpc, 'web3_clientVersion'), /plasma/)
      assert.equal((await rpc(chain.rpc, 'eth_nonsense')).error.code, -32601)
      assert.ok(await must(chain.rpc, 'eth_getProof', me.account.address, [], 'latest'))
    })
  })
}

describe('contracts that nobody here wrote', () => {
  let devnet, chain, me
  before(async () => {
    devnet = await launch('--execution', 'evm', '--block-time', '100ms')
    chain = devnet.chains[0]
    me = clients(chain, devnet, 0)
  })
  after(() => devnet?.stop())

  it('Uniswap V2: factory, pair, liquidity, swap', async () => {
    const deploy = async (name, args) => {
      const { abi, bytecode } = uniswap(name)
      const receipt = await done(me, me.wallet.deployContract({ abi, bytecode: `0x${bytecode.replace(/^0x/, '')}`, args }))
      return { address: receipt.contractAddress, abi }
    }
    const supply = parseEther('1000000')
    const [one, two] = [await deploy('ERC20', [supply]), await deploy('ERC20', [supply])]
    const factory = await deploy('UniswapV2Factory', [me.account.address])
    const call = (contract, functionName, args) =>
      done(me, me.wallet.writeContract({ ...contract, functionName, args }))
    const read = (contract, functionName, args = []) => me.open.readContract({ ...contract, functionName, args })
    const created = await call(factory, 'createPair', [one.address, two.address])
    assert.equal(created.logs.length, 1)
    const pair = { address: await read(factory, 'getPair', [one.address, two.address]), abi: uniswap('UniswapV2Pair').abi }
    await call(one, 'transfer', [pair.address, parseEther('100')])
    await call(two, 'transfer', [pair.address, parseEther('100')])
    await call(pair, 'mint', [me.account.address])
    const first = (await read(pair, 'token0')).toLowerCase() === one.address.toLowerCase() ? one : two
    await call(first, 'transfer', [pair.address, parseEther('1')])
    // Within a second of the last change the pair writes less: gas that is estimated then does not do for a block after it.
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    const swap = await call(pair, 'swap', [0n, parseEther('0.98'), me.account.address, '0x'])
    const events = await me.open.getContractEvents({
      ...pair, eventName: 'Swap', fromBlock: swap.blockNumber, toBlock: swap.blockNumber })
    assert.equal(events.length, 1)
    assert.equal(events[0].args.amount1Out, parseEther('0.98'))
    const [reserve0, reserve1] = await read(pair, 'getReserves')
    assert.deepEqual([reserve0, reserve1], [parseEther('101'), parseEther('99.02')])
    // Too greedy a swap reverts, with the contract's own words.
    await assert.rejects(
      me.open.simulateContract({ ...pair, functionName: 'swap', args: [0n, parseEther('50'), me.account.address, '0x'], account: me.account }),
      /UniswapV2: K|UniswapV2: INSUFFICIENT/)
  })

  it('ethers: deploys and calls', async () => {
    const provider = new JsonRpcProvider(chain.rpc, undefined, { pollingInterval: 50, cacheTimeout: -1 })
    const wallet = new Wallet(devnet.accounts[4].privateKey, provider)
    const { abi, bytecode } = uniswap('ERC20')
    const token = await new ContractFactory(abi, bytecode, wallet).deploy(1000n)
    await token.waitForDeployment()
    const same = new Contract(await token.getAddress(), abi, wallet)
    await (await same.transfer(me.account.address, 10n)).wait()
    assert.equal(await same.balanceOf(me.account.address), 10n)
    assert.notEqual(await provider.getCode(await token.getAddress()), '0x')
    provider.destroy()
  })
})
