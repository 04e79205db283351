// Four sequencers, each in a network namespace of its own, whose cable can be pulled. Needs root and `ip`.
import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Load, height, included } from './committee.mjs'
import { eventually, launch, must, PLASMA, sleep, start } from './devnet.mjs'

const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] })
// Names and addresses of this process, so that several runs do not meet.
const tag = (process.pid % 250) + 1
const bridge = `plb${tag}`
const here = `10.177.${tag}.1`
const address = (number) => `10.177.${tag}.${10 + number}`
const cable = (number) => `plv${tag}-${number}`
const space = (number) => `plasma-${tag}-${number}`

function lay() {
  ip('link', 'add', bridge, 'type', 'bridge')
  ip('addr', 'add', `${here}/24`, 'dev', bridge)
  ip('link', 'set', bridge, 'up')
  for (let number = 0; number < 4; number++) {
    ip('netns', 'add', space(number))
    ip('link', 'add', cable(number), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space(number))
    ip('link', 'set', cable(number), 'master', bridge, 'up')
    ip('-n', space(number), 'addr', 'add', `${address(number)}/24`, 'dev', 'eth0')
    ip('-n', space(number), 'link', 'set', 'eth0', 'up')
    ip('-n', space(number), 'link', 'set', 'lo', 'up')
  }
}

function clear() {
  const quietly = (...args) => { try { ip(...args) } catch { /* It is not there. */ } }
  for (let number = 0; number < 4; number++) {
    quietly('link', 'del', cable(number))
    quietly('netns', 'del', space(number))
  }
  quietly('link', 'del', bridge)
}

let refused
try { lay() } catch (error) { refused = `not permitted here: ${error.stderr ?? error.message}`; clear() }

describe('four sequencers, each in a network namespace', { skip: refused }, () => {
  let folder, devnet, chain
  const nodes = []
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'plasma-spaces-'))
    devnet = await launch('--sequencers', '4', '--processes', folder, '--block-time', '100ms', '--host', here)
    chain = devnet.chains[0]
    // All were planned on one host; each gets its own.
    const moved = (text) => chain.sequencers.reduce((text, { rpc, peer }, number) =>
      [rpc.replace('http://', ''), peer].reduce((text, old) => text.replaceAll(old, old.replace(here, address(number))), text), text)
    for (const number of chain.sequencers.keys()) {
      const file = join(folder, `chain-${chain.chainId}`, `sequencer-${number}`, 'node.toml')
      writeFileSync(file, moved(readFileSync(file, 'utf8')))
      nodes.push({ url: moved(chain.sequencers[number].rpc), child: start('ip', ['netns', 'exec', space(number), PLASMA, 'node', '--config', file]) })
    }
    for (const { child } of nodes) await eventually(() => child.output, () => / at http/.test(child.output))
  })
  after(async () => {
    for (const { child } of nodes) { child.kill('SIGKILL'); await child.ended }
    await devnet?.stop()
    clear()
    rmSync(folder, { recursive: true, force: true })
  })

  it('a cable that is pulled under load costs nothing but its sequencer, which catches up', async () => {
    const up = () => nodes.filter((node) => !node.down).map((node) => node.url)
    const load = new Load(devnet, { ...chain, rpc: nodes[0].url }, up)
    await eventually('blocks', async () => await height(nodes[0].url) >= 3)
    nodes[3].down = true
    ip('link', 'set', cable(3), 'down')
    await sleep(500)
    const before = await height(nodes[0].url)
    await eventually('blocks of three', async () => await height(nodes[0].url) >= before + 5)
    // A second one: what is left is no quorum.
    nodes[2].down = true
    ip('link', 'set', cable(2), 'down')
    await sleep(1_000)
    const stopped = await height(nodes[0].url)
    await sleep(2_000)
    assert.ok(await height(nodes[0].url) <= stopped + 1, 'two of four certify nothing')
    for (const number of [2, 3]) {
      ip('link', 'set', cable(number), 'up')
      nodes[number].down = false
    }
    await eventually('all four', async () => {
      for (const node of nodes) if (await height(node.url) < stopped + 5) return false
      return true
    })
    await load.stop()
    await included(load.hashes, nodes.map(({ url }) => url))
    for (const { url } of nodes) {
      const view = await must(url, 'plasma_committee')
      assert.deepEqual([view.accused, view.diverged, view.failure], [[], null, null])
    }
  })
})
