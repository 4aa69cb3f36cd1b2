import PackshotCommands

CommandLineTool.main()
