// The network of sequencers from the command line: keys, stake, elections, evidence, and a supply that adds up.
import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeAbiParameters, getAddress, keccak256, parseEther, parseSignature, toHex } from 'viem'
import { privateKeyToAccount, sign } from 'viem/accounts'
import { anvil, clients, done, eventually, launch, plasma, PLASMA, run } from './devnet.mjs'

const EPOCH = 4

for (const outside of [false, true]) {
  describe(`a network of sequencers over ${outside ? 'anvil' : 'the embedded root'}`, () => {
    let devnet, folder, node
    const at = (name) => join(folder, name)
    const operator = () => getAddress(devnet.accounts[0].address)
    before(async () => {
      node = outside ? await anvil() : undefined
      devnet = await launch('--epoch', `${EPOCH}s`, ...(node ? ['--root', node.url] : []))
      folder = mkdtempSync(join(tmpdir(), 'plasma-sequencers-'))
    })
    after(async () => {
      await devnet?.stop()
      await node?.stop()
      if (folder) rmSync(folder, { recursive: true, force: true })
    })

    /** The command as one of the devnet's accounts. */
    const as = (index, ...args) => run(PLASMA, args, {
      env: { ...process.env, PLASMA_CONFIG: devnet.file, PLASMA_KEY: devnet.accounts[index].privateKey } })
    const must = async (index, ...args) => {
      const { code, output } = await as(index, ...args)
      assert.equal(code, 0, `${args.join(' ')}: ${output}`)
      return output
    }
    const refused = async (index, expected, ...args) => {
      const { code, output } = await as(index, ...args)
      assert.equal(code, 1, `${args.join(' ')}: ${output}`)
      assert.match(output, expected)
      return output
    }
    const status = async (...args) => JSON.parse(await must(0, 'sequencer', 'status', '--json', ...args))
    const supply = async () => {
      const told = JSON.parse(await must(0, 'xpl', 'supply', '--json'))
      assert.equal(told.addsUp, true)
      const of = (name) => BigInt(told[name])
      assert.equal(of('genesis') + of('minted') - of('burned'), of('liquid') + of('staked') + of('escrowed') + of('pending'))
      return { of }
    }
    /** The next election, as soon as the root allows it. */
    const nextEpoch = () => eventually('an election', async () => (await as(5, 'sequencer', 'advance')).code === 0, 3 * EPOCH + 20)

    it('begins with nobody', async () => {
      const { epoch, sequencers } = await status()
      assert.deepEqual([epoch, sequencers], [null, []])
      await refused(0, /nobody to elect/, 'sequencer', 'advance')
      assert.match(await must(0, 'sequencer', 'status'), /no sequencer has joined/)
      assert.match(await must(0, 'xpl', 'supply'), /it adds up/)
      const { of } = await supply()
      assert.equal(of('genesis'), parseEther('10000000000'))
      assert.equal(of('staked') + of('minted') + of('burned') + of('pending'), 0n)
    })

    it('makes a key that only its owner can read, and never shows it', async () => {
      const output = await must(0, 'sequencer', 'keygen', at('a.key'))
      assert.equal(statSync(at('a.key')).mode & 0o777, 0o600)
      const key = readFileSync(at('a.key'), 'utf8').trim()
      assert.match(key, /^0x[0-9a-f]{64}$/)
      assert.ok(!output.includes(key.slice(2)))
      assert.ok(output.includes(privateKeyToAccount(key).address), output)
      await refused(0, /is there already/, 'sequencer', 'keygen', at('a.key'))
      assert.equal(readFileSync(at('a.key'), 'utf8').trim(), key)
    })

    it('takes in who proves to have the key', async () => {
      await refused(0, /a bond of 5 XPL is under this network's least of 1,000/, 'sequencer', 'join', '--bond', '5', '--sequencer-key', at('a.key'))
      await refused(0, /has 1,000,000 XPL on the root, and 2,000,000 are to be bonded/, 'sequencer', 'join', '--bond', '2000000', '--sequencer-key', at('a.key'))
      await refused(0, /add stake|is no operator/, 'sequencer', 'bond', '--amount', '1')
      const output = await must(0, 'sequencer', 'join', '--bond', '2000', '--commission', '10', '--sequencer-key', at('a.key'))
      assert.match(output, /2,000 XPL bonded/)
      await refused(0, /is an operator already/, 'sequencer', 'join', '--bond', '2000', '--sequencer-key', at('a.key'))
      await refused(1, /KeyTaken/, 'sequencer', 'join', '--bond', '2000', '--sequencer-key', at('a.key'))
      await must(1, 'sequencer', 'join', '--bond', '3000')
      assert.match(await must(5, 'sequencer', 'advance'), /epoch 0 began/)
      await refused(5, /epoch 0 goes on until/, 'sequencer', 'advance')
      const { sequencers, epoch } = await status()
      assert.equal(epoch.number, 0)
      assert.deepEqual(sequencers.map(({ weight }) => weight), [3000, 2000])
      assert.equal(sequencers[1].commission, 1000)
    })

    it('counts delegated stake from the next election on', async () => {
      const before = await supply()
      await must(0, 'sequencer', 'bond', '--amount', '500')
      await must(2, 'sequencer', 'delegate', '--to', operator(), '--amount', '1000.5')
      await refused(2, /is no operator/, 'sequencer', 'delegate', '--to', devnet.accounts[9].address, '--amount', '1')
      const now = await supply()
      assert.equal(now.of('staked') - before.of('staked'), parseEther('1500.5'))
      assert.equal(before.of('liquid') - now.of('liquid'), parseEther('1500.5'))
      await nextEpoch()
      const { sequencers } = await status()
      const first = sequencers[0]
      assert.equal(first.operator.toLowerCase(), operator().toLowerCase())
      assert.deepEqual([first.weight, first.bonded, first.delegated], [3500, `${parseEther('2500')}`, `${parseEther('1000.5')}`])
      const table = await must(0, 'sequencer', 'status')
      assert.match(table, /OPERATOR +KEY +BONDED/)
      assert.match(table, new RegExp(`${operator()}.*2,500 +1,000\\.5 +10%.*seated`))
    })

    it('is found from the root alone', async () => {
      const { code, output } = await run(PLASMA, ['sequencer', 'status', '--root', devnet.root.rpc], { cwd: folder })
      assert.equal(code, 0, output)
      assert.ok(output.includes(operator()))
      const told = await run(PLASMA, ['xpl', 'supply', '--root', devnet.root.rpc], { cwd: folder })
      assert.equal(told.code, 0, told.output)
      assert.match(told.output, /it adds up/)
      const nobody = await run(PLASMA, ['sequencer', 'bond', '--amount', '1', '--root', devnet.root.rpc], { cwd: folder })
      assert.equal(nobody.code, 1)
      assert.match(nobody.output, /--key FILE.*\$PLASMA_KEY/)
    })

    it('lets stake go when it is not liable any more', async () => {
      await refused(2, /has 1,000\.5 XPL with/, 'sequencer', 'unbond', '--from', operator(), '--amount', '2000')
      assert.match(await must(2, 'sequencer', 'unbond', '--from', operator(), '--amount', '400'), /unbonding 1/)
      await refused(2, /liable for 3 more elections/, 'sequencer', 'unbond', '--withdraw')
      const [from, to] = [operator(), devnet.accounts[1].address]
      await refused(2, /are both/, 'sequencer', 'redelegate', '--from', from, '--to', from, '--amount', '100')
      await refused(2, /is no operator/, 'sequencer', 'redelegate', '--from', from, '--to', devnet.accounts[9].address, '--amount', '100')
      await refused(2, /has 600\.5 XPL with/, 'sequencer', 'redelegate', '--from', from, '--to', to, '--amount', '601')
      assert.match(await must(2, 'sequencer', 'redelegate', '--from', from, '--to', to, '--amount', '100'), /100 XPL moved.*--release 2/s)
      await refused(2, /has 0 XPL with .* besides what was moved/, 'sequencer', 'unbond', '--from', to, '--amount', 'all')
      await refused(2, /StillLiable|liable/, 'sequencer', 'redelegate', '--release', '2')
      for (let i = 0; i < 3; i++) await nextEpoch()
      assert.match(await must(2, 'sequencer', 'redelegate', '--release', '2'), /released; 0 XPL/)
      await refused(1, /no unbonding 1/, 'sequencer', 'unbond', '--withdraw', '1')
      assert.match(await must(2, 'sequencer', 'unbond', '--withdraw'), /withdrew 400 XPL/)
      const { of } = await supply()
      assert.equal(of('staked'), parseEther('6100.5'))
      assert.match(await must(2, 'sequencer', 'rewards'), /500\.5 XPL bonded, 0 earned/)
      await refused(2, /nothing to claim/, 'sequencer', 'rewards', '--claim')
    })

    it('takes stake for two votes in one round, and for nothing else', async () => {
      const key = readFileSync(at('a.key'), 'utf8').trim()
      const other = devnet.accounts[1].privateKey
      const chain = devnet.chains[0].chainId
      const vote = async (by, epoch, block) => {
        const tag = keccak256(toHex('plasma.certificate.v1'))
        const digest = keccak256(encodeAbiParameters(
          [{ type: 'bytes32' }, { type: 'uint64' }, { type: 'uint64' }, { type: 'uint64' }, { type: 'uint32' }, { type: 'bytes32' }],
          [tag, BigInt(chain), BigInt(epoch), 12n, 1, block]))
        const { r, s, v } = parseSignature(await sign({ hash: digest, privateKey: by, to: 'hex' }))
        return { block, signature: { r, s, v: Number(v) } }
      }
      const [one, two] = ['a1', 'a2'].map((byte) => `0x${byte.repeat(32)}`)
      const evidence = async (first, second, epoch) => ({
        chainId: chain, epoch, height: 12, round: 1, first: await vote(first, epoch, one), second: await vote(second, epoch, two) })
      const file = (name, value) => { writeFileSync(at(name), typeof value === 'string' ? value : JSON.stringify(value)); return at(name) }
      const { epoch } = await status()
      const before = await supply()
      for (const [name, value, expected] of [
        ['forged.json', await evidence(key, other, epoch.number), /proves nothing.*both must be by one key/],
        ['stranger.json', await evidence(`0x${'77'.repeat(32)}`, `0x${'77'.repeat(32)}`, epoch.number), /no key of this network/],
        ['garbage.json', '{"chainId":', /no evidence of a double vote/],
        ['surplus.json', { ...await evidence(key, key, epoch.number), more: 1 }, /unknown field `more`/],
        ['huge.json', ' '.repeat(20_000), /evidence has at most/],
      ]) await refused(3, expected, 'sequencer', 'report-equivocation', file(name, value))
      await refused(3, /No such file/, 'sequencer', 'report-equivocation', at('nowhere.json'))
      const good = file('good.json', await evidence(key, key, epoch.number))
      // No chain of a devnet with one sequencer is under the network's committee: nothing signed there counts.
      await refused(3, /is none of this network's/, 'sequencer', 'report-equivocation', good)
      assert.equal((await supply()).of('staked'), before.of('staked'))
    })

    it('shows what tips a key has on its chain', async () => {
      const chain = devnet.chains[0]
      const me = clients(chain, devnet, 4)
      const key = privateKeyToAccount(readFileSync(at('a.key'), 'utf8').trim()).address
      await done(me, me.wallet.sendTransaction({ to: key, value: parseEther('2.5') }))
      const told = JSON.parse(await must(0, 'sequencer', 'rewards', '--json', '--rpc', chain.rpc))
      assert.deepEqual(told.chains, [{ chainId: chain.chainId, key: key.toLowerCase(), balance: `${parseEther('2.5')}` }])
      assert.match(await must(0, 'sequencer', 'rewards', '--rpc', chain.rpc), new RegExp(`${chain.chainId} its key ${key} has 2\\.5 XPL`))
      await refused(9, /is no operator, so no block pays it tips/, 'sequencer', 'rewards', '--rpc', chain.rpc)
    })

    it('wrong input is named, with what to do', async () => {
      for (const [args, expected] of [
        [['sequencer', 'bond', '--amount', 'much'], /--amount much: give XPL as a number/],
        [['sequencer', 'bond', '--amount', '0'], /above zero/],
        [['sequencer', 'join', '--bond', '1000', '--key', at('none.key')], /none\.key: No such file/],
        [['sequencer', 'join', '--bond', '1000', '--key', `0x${'11'.repeat(32)}`], /takes a file/],
        [['sequencer', 'status', '--root', 'http://127.0.0.1:1'], /root node is away|refused/i],
        [['sequencer', 'status', '--registry', devnet.accounts[9].address], /no network of sequencers at/],
        [['sequencer', 'status', '--operator', devnet.accounts[9].address], /never joined/],
        [['xpl', 'supply', '--config', at('none.json')], /--root URL/],
      ]) {
        const output = await refused(4, expected, ...args)
        assert.ok(!output.includes('11'.repeat(32)))
      }
      const { code, output } = await plasma(devnet, 'sequencer', 'join', '--bond', '1000', '--commission', '101')
      assert.equal(code, 2)
      assert.match(output, /no percentage/)
    })

    it('another key is taken up at the next election', async () => {
      await must(0, 'sequencer', 'keygen', at('b.key'))
      const key = privateKeyToAccount(readFileSync(at('b.key'), 'utf8').trim()).address
      assert.match(await must(0, 'sequencer', 'rotate-key', '--sequencer-key', at('b.key')), new RegExp(key))
      const { sequencers: [first] } = await status('--operator', operator())
      assert.equal(first.key.toLowerCase(), key.toLowerCase())
      assert.ok(first.weight > 0, 'its seat of the current epoch is still its own')
      await supply()
    })
  })
}
