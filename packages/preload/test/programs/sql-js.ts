/** sql.js as released: minified, and with a realloc inlined where no hook reaches it, so it can only be observed. */
import { digest, fileOf, type Loaded, type Program, random, requireFresh } from './program.ts'

interface Database {
  run(sql: string, values?: unknown[]): void
  exec(sql: string): unknown
  close(): void
}
type Init = (options: object) => Promise<{ Database: new () => Database }>

export const sqlJs: Program = {
  name: 'sql.js',
  wasm: fileOf('sql.js/dist/sql-wasm.wasm'),
  async load(): Promise<Loaded> {
    const init = requireFresh('sql.js/dist/sql-wasm.js') as Init
    const { Database } = await init({ locateFile: () => fileOf('sql.js/dist/sql-wasm.wasm') })
    return {
      run(scale) {
        const hash = digest()
        const next = random(11)
        const db = new Database()
        db.run(
          'create table t(id integer primary key, name text, n int); create index i on t(name)',
        )
        for (let row = 0; row < scale * 1000; row++) {
          db.run('insert into t(name, n) values(?, ?)', [`name ${next() % 500}`, next() % 100])
        }
        const ask = (sql: string): void => {
          hash.update(JSON.stringify(db.exec(sql)))
        }
        ask('select name, count(*), sum(n) from t group by name order by 2 desc, 1')
        ask(
          'select a.id, b.id from t a join t b on a.name = b.name and a.id < b.id order by 1, 2 limit 300',
        )
        ask("select group_concat(name, '') from (select name from t order by n, id)")
        db.close()
        return hash.digest('hex')
      },
    }
  },
}
