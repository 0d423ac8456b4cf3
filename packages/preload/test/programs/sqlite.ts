/** SQLite: rows with indexes, joins, aggregates, updates, deletes, a sort, blobs, and a vacuum. */
import { bytesOf, digest, fileOf, type Loaded, type Program, random } from './program.ts'

const WASM = '@sqlite.org/sqlite-wasm/dist/sqlite3.wasm'

interface Database {
  exec(sql: string | { sql: string; bind?: unknown[] }): Database
  selectArrays(sql: string): unknown[][]
  prepare(sql: string): Statement
  close(): void
}
interface Statement {
  bind(values: unknown[]): Statement
  stepReset(): Statement
  finalize(): void
}
interface Sqlite {
  oo1: { DB: new (name: string) => Database }
  wasm: {
    exports: {
      malloc(size: number): number
      free(address: number): void
      sqlite3_randomness(bytes: number, address: number): void
    }
    heap8u(): Uint8Array
  }
}

export const sqlite: Program = {
  name: 'SQLite',
  wasm: fileOf(WASM),
  async load(): Promise<Loaded> {
    const { default: init } = await import('@sqlite.org/sqlite-wasm')
    const start = init as unknown as (options: object) => Promise<Sqlite>
    const api = await start({
      wasmBinary: bytesOf(WASM),
      print: () => undefined,
      printErr: () => undefined,
    })
    return {
      run: (scale) => work(api, scale),
      native: {
        u8: () => api.wasm.heap8u(),
        malloc: (size) => api.wasm.exports.malloc(size),
        free: (address) => api.wasm.exports.free(address),
        write: (address, bytes) => api.wasm.exports.sqlite3_randomness(bytes, address),
      },
    }
  },
}

/** `scale` thousand rows. */
function work(api: Sqlite, scale: number): string {
  const hash = digest()
  const next = random(7)
  const db = new api.oo1.DB(':memory:')
  const ask = (sql: string): void => {
    hash.update(JSON.stringify(db.selectArrays(sql)))
  }
  db.exec(
    'create table item(id integer primary key, name text, price real, tag int, body blob);' +
      'create table tag(id int primary key, label text);' +
      'create index item_name on item(name); create index item_tag on item(tag, price);',
  )
  db.exec('begin')
  const insertTag = db.prepare('insert into tag values(?, ?)')
  for (let id = 0; id < 100; id++) insertTag.bind([id, `label ${next() % 1000}`]).stepReset()
  insertTag.finalize()
  const insert = db.prepare('insert into item(name, price, tag, body) values(?, ?, ?, ?)')
  for (let row = 0; row < scale * 1000; row++) {
    const body = row % 50 === 0 ? new Uint8Array(next() % 3000).fill(row & 255) : null
    insert
      .bind([`name ${next() % 50_000}`, (next() % 10_000) / 100, next() % 100, body])
      .stepReset()
  }
  insert.finalize()
  db.exec('commit')
  ask('select count(*), sum(price), min(name), max(name), sum(length(body)) from item')
  ask(
    'select t.label, count(*), avg(i.price) from item i join tag t on t.id = i.tag group by 1 order by 1',
  )
  ask(
    'select name, count(*) c from item group by name having c > 1 order by c desc, name limit 200',
  )
  db.exec("update item set price = price * 1.1, name = name || '!' where tag % 3 = 0")
  db.exec('delete from item where tag between 20 and 40')
  ask(
    'select a.name, b.price from item a join item b on a.name = b.name and a.id < b.id order by 1, 2 limit 500',
  )
  ask('select name, price from item order by price desc, name limit 1000')
  ask("select group_concat(label, ',') from (select distinct label from tag order by label)")
  db.exec('vacuum')
  ask('pragma integrity_check')
  db.close()
  return hash.digest('hex')
}
