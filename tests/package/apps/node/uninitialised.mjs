import Kinto from "essaim";

await new Kinto({ adapter: "memory" }).collection("tasks").list().catch(({ code, data, message }) => console.log(JSON.stringify({ code, data, message })));
