/** DuckDB: half a million rows, grouped, joined and sorted. */
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Loaded, Program } from '../../test/programs/program.ts'
import { OPTIONAL_FOLDER } from '../optional-modules.ts'

const FOLDER = join(OPTIONAL_FOLDER, 'node_modules/@duckdb/duckdb-wasm/dist')
const QUERIES: readonly string[] = [
  'create or replace table item as select i, i % 1000 as tag, hash(i) % 100000 as price from range(500000) t(i)',
  "create or replace table tag as select i as id, 'label ' || (i * 7919 % 1009) as label from range(1000) t(i)",
  'select label, count(*) c, sum(price) s from item join tag on tag = id group by label order by s desc, label limit 100',
  'select a.i, b.i from item a join item b on a.price = b.price and a.i < b.i order by 1, 2 limit 500',
  "select string_agg(label, ',' order by label) from tag",
  'select i, price, row_number() over (partition by tag order by price, i) r from item qualify r < 3 order by tag, r limit 2000',
]

interface Database {
  instantiate(): Promise<unknown>
  connect(): { query(sql: string): { toString(): string }; close(): void }
}
interface Duckdb {
  VoidLogger: new () => unknown
  NODE_RUNTIME: unknown
  createDuckDB(bundles: object, logger: unknown, runtime: unknown): Promise<Database>
}

export const duckdb: Program = {
  name: 'DuckDB',
  wasm: join(FOLDER, 'duckdb-eh.wasm'),
  async load(): Promise<Loaded> {
    const require = createRequire(import.meta.url)
    const { createDuckDB, NODE_RUNTIME, VoidLogger } = require(
      join(FOLDER, 'duckdb-node-blocking.cjs'),
    ) as Duckdb
    const bundle = (which: string): object => ({
      mainModule: join(FOLDER, `duckdb-${which}.wasm`),
      mainWorker: join(FOLDER, `duckdb-node-${which}.worker.cjs`),
    })
    const bundles = { mvp: bundle('mvp'), eh: bundle('eh') }
    const database = await createDuckDB(bundles, new VoidLogger(), NODE_RUNTIME)
    await database.instantiate()
    return {
      run(scale) {
        const hash = createHash('sha256')
        const connection = database.connect()
        for (let round = 0; round < scale; round++) {
          for (const sql of QUERIES) hash.update(connection.query(sql).toString())
        }
        connection.close()
        return hash.digest('hex')
      },
    }
  },
}
