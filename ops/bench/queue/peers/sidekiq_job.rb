# frozen_string_literal: true

# Sidekiq's job: append one line to this process's file, or two around a sleep. See job.py.
require "sidekiq"

class BenchJob
  include Sidekiq::Worker

  PATH = File.join(ENV.fetch("BENCH_RECORDS"), "#{ENV.fetch('BENCH_WORKER')}.#{Process.pid}")
  FILE = File.open(PATH, File::WRONLY | File::CREAT | File::APPEND)
  FILE.sync = true

  def perform(job, seconds, sent)
    return append("X", job, sent) if seconds.zero?

    append("S", job, sent)
    sleep(seconds)
    append("F", job, sent)
  end

  private

  def append(kind, job, sent)
    now = Process.clock_gettime(Process::CLOCK_REALTIME, :nanosecond)
    FILE.syswrite(format("%s %08d %019d %019d\n", kind, job, sent, now))
  end
end
