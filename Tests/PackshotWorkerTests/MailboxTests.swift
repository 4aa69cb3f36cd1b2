import PackshotWorker
import Testing

@Suite("What one stage leaves for the next")
struct MailboxTests {
    @Test func whatCameMeanwhileIsTakenInOnePieceAndInOrder() async {
        let mailbox = Mailbox<Int>()
        mailbox.send([1])
        mailbox.send([2, 3])
        #expect(await mailbox.takeAll() == [1, 2, 3])
        mailbox.send([4])
        mailbox.close()
        #expect(await mailbox.takeAll() == [4], "what came before the end is not lost")
        #expect(await mailbox.takeAll() == [])
    }

    @Test(.timeLimit(.minutes(1))) func nothingIsLostBetweenManySendersAndAReceiverThatWaits() async {
        let mailbox = Mailbox<Int>()
        await withTaskGroup { group in
            group.addTask {
                var seen: [Int] = []
                while seen.count < 4_000 { seen += await mailbox.takeAll() }
                #expect(seen.sorted() == Array(0..<4_000))
            }
            for sender in 0..<4 {
                group.addTask {
                    for number in 0..<1_000 {
                        mailbox.send([sender * 1_000 + number])
                        if number % 7 == 0 { await Task.yield() }
                    }
                }
            }
        }
    }
}
